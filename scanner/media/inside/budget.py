"""What the outermost container may cost, with all that is in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import BinaryIO

from scanner.media.file import MediaError
from scanner.results import ErrorCode

MAX_MEMBERS = 10_000
MAX_ENTRIES = 1_000_000
"""Also those that get no row."""
MAX_UNPACKED = 1 << 30
MAX_RATIO = 200
FREE = 10 << 20
"""Bytes that may be unpacked whatever the ratio."""
MAX_DEPTH = 3
"""A container in a container in a container."""
MAX_NESTED = 256 << 20
"""Bytes of a container that is in another: it is held in memory."""
MAX_NAMES = 8 << 20
"""Characters of the names of all members."""


class OverBudget(MediaError):
    """Nothing more is read of the outermost container; what came before stays."""


@dataclass
class Budget:
    """Spent as members are met; the same in every process, but for the time."""

    outer_bytes: int
    cpu_seconds: float | None = None
    """Of this process, from now on; ``None`` for no limit but the decoder's."""
    unpacked: int = 0
    entries: int = 0
    members: int = 0
    names: int = 0

    def __post_init__(self) -> None:
        self._until = None if self.cpu_seconds is None else time.process_time() + self.cpu_seconds

    def entry(self) -> None:
        """One more, of whatever kind. Raises :class:`OverBudget`, as all of these."""
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            raise _over(f"more than {MAX_ENTRIES:,} entries")
        self.check_time()

    def member(self, names: tuple[str, ...]) -> None:
        """One more that gets a row."""
        self.members += 1
        self.names += sum(map(len, names))
        if self.members > MAX_MEMBERS:
            raise _over(f"more than {MAX_MEMBERS:,} members")
        if self.names > MAX_NAMES:
            raise _over(f"names of more than {MAX_NAMES:,} characters")

    def unpack(self, size: int) -> None:
        """So many more bytes, real or declared."""
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise _over(f"more than {MAX_UNPACKED:,} bytes unpacked")
        if self.unpacked > max(FREE, MAX_RATIO * self.outer_bytes):
            raise _over(f"it unpacks to more than {MAX_RATIO} times its size")

    def check_time(self) -> None:
        if self._until is not None and time.process_time() > self._until:
            raise OverBudget(ErrorCode.DECODE_TIMEOUT, "listing what is in it took too much CPU time")


class Counted:
    """A stream of unpacked bytes that are charged as they are read."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._budget.unpack(len(data))
        self._budget.check_time()
        return data


def _over(detail: str) -> OverBudget:
    return OverBudget(ErrorCode.TOO_MANY_BYTES, f"{detail}; what came before was looked at")

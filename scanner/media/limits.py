"""What one file may cost before it gets a row with an error instead of a score."""

from __future__ import annotations

from dataclasses import dataclass

from models.preprocessing import MAX_PIXELS

MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Of each file. The last three need a process of its own to be kept: :mod:`scanner.sandbox`."""

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    """Width × height as stored."""
    cpu_seconds: float = 60.0
    """User and system time: the same on a busy machine."""
    stall_seconds: float = 120.0
    """On the clock, for a file that waits and does not work. It is tried once more before its row is written."""
    memory_bytes: int = 4 << 30
    """Address space beyond what a decoder takes by itself."""

    @classmethod
    def of(
        cls,
        *,
        max_bytes: int | None = None,
        max_pixels: int | None = None,
        cpu_seconds: float | None = None,
        memory_mib: int | None = None,
    ) -> Limits:
        """The limits as a user gives them, ``None`` for the default; a file may stand still for twice its CPU time."""
        return cls(
            max_bytes or cls.max_bytes,
            max_pixels or cls.max_pixels,
            cpu_seconds or cls.cpu_seconds,
            2 * (cpu_seconds or cls.cpu_seconds),
            memory_mib << 20 if memory_mib is not None else cls.memory_bytes,
        )

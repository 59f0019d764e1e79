"""What the tests of walked folders share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from scanner.sources import Candidate, Operand, Selection, walk
from scanner.sources.skips import OnSkip

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"


MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"


def make(path: str | bytes, content: bytes = PNG) -> Path:
    file = Path(os.fsdecode(path))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


class Run:
    """A drained walk."""

    def __init__(
        self, *operands: str | Operand, selection: Selection | None = None, ignore: tuple[str, ...] = ()
    ):
        self.skipped: list[tuple[str, str]] = []
        on_skip: OnSkip = lambda name, type_: self.skipped.append((name, str(type_)))  # noqa: E731
        found = walk(operands, selection or Selection(), ignore=ignore, on_skip=on_skip)
        self.candidates: list[Candidate] = list(found)

    @property
    def names(self) -> list[str]:
        return [candidate.name for candidate in self.candidates]

    @property
    def one(self) -> Candidate:
        (candidate,) = self.candidates
        return candidate


def refusing(
    real: Callable[..., object], *refused: str, error: OSError | None = None
) -> Callable[..., object]:
    """``real``, but with an error for some paths: the tests may run as root, whom nothing is denied."""

    def refuse(path: str, *args: object, **kwargs: object) -> object:
        if path in refused:
            raise error or PermissionError(13, "Permission denied", path)
        return real(path, *args, **kwargs)

    return refuse

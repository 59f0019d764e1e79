"""A part of a file: the unit of work, of limits, of blame, of retry and of progress. A still picture has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from models.error_codes import ErrorCode
from scanner.results.result import WHOLE_IMAGE, Finding, Region, UnscoredFace


class Where(NamedTuple):
    """Where in a file a picture was taken from."""

    region: Region = WHOLE_IMAGE
    frame: int = 0
    time: float | None = None
    """Seconds from the start, for moving pictures."""
    face: float | None = None
    """How sure the face detector is; ``None`` where no face was looked for."""
    track: int | None = None
    """As in :class:`scanner.results.Finding`, but numbered from 1 in each part."""


WHOLE_FILE = Where()


class Gap(NamedTuple):
    """Why a part could not be looked at."""

    code: ErrorCode
    detail: str


class Looked(NamedTuple):
    """How much of a part was there to be looked at."""

    asked: int
    """Frames that were to be read."""
    got: int
    """Of them, those that could be."""
    unscored: tuple[UnscoredFace, ...] = ()
    why: Gap | None = None
    """Of the first that could not be read, where that is known."""


@dataclass(frozen=True)
class PartResult:
    """What a part of a file gave; final."""

    findings: tuple[Finding, ...] = ()
    gap: Gap | None = None
    looked: Looked | None = None
    """``None`` for media that are not sampled."""

"""Facts about one file: what every report, policy and caller is made from."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from models.error_codes import DependsOn, ErrorCode, Status
from models.faces.face import Unjudged
from scanner.results.credentials import Credentials
from scanner.results.declared import Declared
from scanner.results.heat_map import HeatMap


class RememberedBy(StrEnum):
    """Where a result may be known from before a file is read."""

    JOURNAL = "journal"
    CACHE = "cache"


class Stamp(NamedTuple):
    """What the file system said of a file when it was read; with the same stamp it holds the same bytes."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @classmethod
    def at(cls, path: str) -> Stamp | None:
        """Of what lies there now; ``None`` if it is no regular file, or cannot be reached."""
        try:
            status = os.stat(path)  # noqa: PTH116 - paths stay strings as typed
        except (OSError, ValueError):
            return None
        return cls.of(status) if stat.S_ISREG(status.st_mode) else None

    def is_settled(self) -> bool:
        """Whether a change from now on is certain to show: file systems count time in steps of up to 2 s (FAT).

        A time in the future tells nothing.
        """
        return max(self.mtime_ns, self.ctime_ns) < time.time_ns() - SETTLING_NS


SETTLING_NS = 2_000_000_000


@dataclass(frozen=True)
class Region:
    """A rectangle in the upright picture, as fractions of its width and height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom


WHOLE_IMAGE = Region()


@dataclass(frozen=True)
class Finding:
    """One score of one region of one frame."""

    logit: float
    """Before temperature; positive = fake."""
    prob_fake: float
    """In [0, 1]."""
    region: Region = WHOLE_IMAGE
    frame: int = 0
    time: float | None = None
    """Seconds from the start, for moving pictures."""
    face: float | None = None
    """How sure the face detector is, 0 to 1; ``None`` where no face was looked for."""
    track: int | None = None
    """Of films: the same face in the frames of a burst, numbered from 1; 0 is the whole picture, through all frames."""
    heat_map: HeatMap | None = field(default=None, compare=False)
    """``None`` where none was asked for; no journal or cache holds it."""


@dataclass(frozen=True)
class Track:
    """One face through the frames of a burst, or the whole picture through a film."""

    number: int
    frames: int
    """That it has a score in."""
    logit: float
    """Mean over them."""
    prob_fake: float
    """Of that logit, in [0, 1]."""
    counts: bool
    """Whether the file's value is chosen among it and others: not with one frame where another has more."""


@dataclass(frozen=True)
class UnscoredFace:
    """One that was found and has no finding."""

    region: Region
    """The square that its finding would have."""
    side: int
    """Longer side of its box, in whole pixels of the file, rounded down."""
    face: float
    """How sure the face detector is, 0 to 1."""
    reason: Unjudged
    frame: int = 0
    time: float | None = None


@dataclass(frozen=True)
class Coverage:
    """What was looked at of a file of several parts, and what not."""

    parts: int
    pictures: int
    """That were scored."""
    failed: tuple[tuple[int, ErrorCode], ...] = ()
    """Parts without a score: their number, from 0, and why."""
    frames_asked: int | None = None
    """That were to be looked at; ``None`` for media that are not sampled."""
    frames_got: int | None = None
    """Of them, those that could be read."""


@dataclass(frozen=True)
class FileResult:
    """Facts about one file. Fields that could not be learnt are ``None``."""

    path: str
    """As the report prints it; :func:`scanner.decode_path` gives the file-system path."""
    status: Status
    error: ErrorCode | None = None
    detail: str = ""
    """Free text for the log, never for a report of schema 1."""
    format: str | None = None
    width: int | None = None
    """As stored, in pixels."""
    height: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    frames: int | None = None
    faces: int | None = None
    """How many were scored; ``None`` where none were looked for, or the file could not be read. Of a film, the tracks
    that count."""
    findings: tuple[Finding, ...] = ()
    unscored_faces: tuple[UnscoredFace, ...] = ()
    """Those that were found and not scored, the largest first."""
    provenance: str | None = None
    """What the file says of its own origin; no part of the score."""
    declared: Declared | None = None
    """What follows from that, in a word; no part of the score."""
    credentials: Credentials | None = None
    """What came of checking its C2PA manifest; ``None`` without one, or where none is checked."""
    coverage: Coverage | None = None
    """``None`` for a file of one part."""
    seconds: float | None = None
    """Duration of a film."""
    tracks: tuple[Track, ...] = ()
    """Of a film."""
    container: str | None = None
    """SHA-256 of the outermost container of a member."""
    member: int | None = None
    """Its number among the members of that container, from 0."""
    members: int | None = None
    """Of a container, those that have rows of their own; ``None`` for what was not looked into."""
    pixels: str | None = None
    """``preview`` where a picture was judged that a camera embedded beside the sensor's values, of which ``width`` and
    ``height`` are then; ``None`` for the file's own."""
    # Of the reading, not of the file: two readings of the same bytes are equal.
    stamp: Stamp | None = field(default=None, compare=False)
    """``None`` when the file could not be opened, or changed while or just before it was read."""
    remembered_by: RememberedBy | None = field(default=None, compare=False)
    """What it was taken from, without a look into the file."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a status that is not its code's: the code is what exit codes are counted by."""
        if self.status is not (Status.OK if self.error is None else self.error.status):
            raise ValueError(f"status {self.status} with error code {self.error}")

    def scored(self, findings: tuple[Finding, ...]) -> FileResult:
        """The same file with these findings, and no value that was worked out from others."""
        # ``dataclasses.replace`` sets all fields anew, which is a hundredth of a small picture's time.
        scored = object.__new__(FileResult)
        scored.__dict__.update(self.__dict__, findings=findings)
        scored.__dict__.pop("deciding", None)
        return scored

    @property
    def recalled(self) -> bool:
        """Whether it was taken over from an earlier run that was cut off."""
        return self.remembered_by is RememberedBy.JOURNAL

    @property
    def depends_on(self) -> DependsOn:
        """What may change so that another scan sees another thing; a result may stand for all that does not."""
        return DependsOn.BYTES if self.error is None else self.error.depends_on

    @property
    def ended_decoders(self) -> bool:
        """Whether the file is the likely cause, and the machine of that moment a possible one."""
        return self.error is not None and self.error.ended_decoders

    @property
    def prob_fake(self) -> float | None:
        """The file-level value, the largest over the findings, or over the tracks; ``None`` without a score."""
        if self.deciding is None:
            return None
        track = self.deciding_track
        return self.deciding.prob_fake if track is None else track.prob_fake

    @property
    def deciding_track(self) -> Track | None:
        """The track that the file-level value is that of; of equals the first."""
        if not self.tracks:
            return None
        counted = (track for track in self.tracks if track.counts)
        return max(counted, key=lambda track: track.prob_fake, default=None)

    @cached_property
    def deciding(self) -> Finding | None:
        """The finding that the file-level value is that of, or the largest of the track that it is that of; of equals
        the first."""
        if self.status is not Status.OK:
            return None
        track = self.deciding_track
        among = self.findings
        if track is not None:
            among = tuple(one for one in among if one.track == track.number)
        return max(among, key=lambda finding: finding.prob_fake, default=None)

    @property
    def values(self) -> int:
        """How many values the file-level one is the largest of: findings, or tracks that count."""
        return (sum(track.counts for track in self.tracks) if self.tracks else 0) or len(self.findings)

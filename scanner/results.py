"""Facts about one file: what every report, policy and caller is made from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What became of a file."""

    OK = "ok"
    ERROR = "error"
    SKIPPED = "skipped"


class ErrorCode(StrEnum):
    """The closed list of the report's ``error`` column; docs/report.md says what each one means."""

    # The file could not be read.
    NOT_FOUND = "not_found"
    PERMISSION_DENIED = "permission_denied"
    NOT_A_FILE = "not_a_file"
    READ_FAILED = "read_failed"
    TOO_MANY_BYTES = "too_many_bytes"
    # The bytes could not be taken to pixels (the same words as models.preprocessing.ImageErrorCode).
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    CORRUPT_IMAGE = "corrupt_image"
    UNSUPPORTED_MODE = "unsupported_mode"
    TOO_MANY_PIXELS = "too_many_pixels"
    OUT_OF_MEMORY = "out_of_memory"
    # The process that decoded the file did not survive it, or had to be ended.
    DECODE_CRASHED = "decode_crashed"
    DECODE_TIMEOUT = "decode_timeout"
    # Known for what it is, and not decoded by this tool.
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_MEDIA = "unsupported_media"
    # The model gave no usable number.
    INFERENCE_FAILED = "inference_failed"


@dataclass(frozen=True)
class Region:
    """A rectangle in the upright picture, as fractions of its width and height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0


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
    findings: tuple[Finding, ...] = ()

    @property
    def prob_fake(self) -> float | None:
        """The file-level value (aggregation ``single``: the one finding), ``None`` without a finding."""
        return self.findings[0].prob_fake if self.findings else None

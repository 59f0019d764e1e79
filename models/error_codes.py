"""Why a file has no score: the closed list of the report's ``error`` column, each code with all that follows from it.

A new code is one line here and one in docs/report.md, which a test compares. Standard library only.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class Status(StrEnum):
    """What became of a file."""

    OK = "ok"
    ERROR = "error"
    SKIPPED = "skipped"


class DependsOn(Enum):
    """What may change so that the same file gets another row."""

    BYTES = auto()
    """Only the file itself: the row may stand for any file of the same content."""
    LIMITS = auto()
    """The options of the run, or the model: cheap to find again."""
    MOMENT = auto()
    """The machine, the file system or the selection at that time: another run may see another thing."""


class ErrorCode(StrEnum):
    """A word of the column; ``depends_on``, ``status`` and the rest are its attributes."""

    depends_on: DependsOn
    status: Status
    counts_if_strict: bool
    """Whether a skipped file is an error under ``--strict``."""
    ended_decoders: bool
    """Whether the file is the likely cause, and the machine of that moment a possible one; dear to find again."""

    def __new__(
        cls,
        word: str,
        depends_on: DependsOn = DependsOn.BYTES,
        status: Status = Status.ERROR,
        counts_if_strict: bool = True,
        ended_decoders: bool = False,
    ) -> ErrorCode:
        code = str.__new__(cls, word)
        code._value_ = word
        code.depends_on, code.status = depends_on, status
        code.counts_if_strict, code.ended_decoders = counts_if_strict, ended_decoders
        return code

    # The file could not be read.
    NOT_FOUND = "not_found", DependsOn.MOMENT
    PERMISSION_DENIED = "permission_denied", DependsOn.MOMENT
    NOT_A_FILE = "not_a_file", DependsOn.MOMENT
    READ_FAILED = "read_failed", DependsOn.MOMENT
    TOO_MANY_BYTES = "too_many_bytes", DependsOn.LIMITS
    # The bytes could not be taken to pixels.
    EMPTY_FILE = "empty_file", DependsOn.BYTES
    NOT_AN_IMAGE = "not_an_image", DependsOn.BYTES
    CORRUPT_IMAGE = "corrupt_image", DependsOn.BYTES
    UNSUPPORTED_MODE = "unsupported_mode", DependsOn.BYTES
    TOO_MANY_PIXELS = "too_many_pixels", DependsOn.LIMITS
    OUT_OF_MEMORY = "out_of_memory", DependsOn.MOMENT
    # The process that decoded the file did not survive it, or had to be ended.
    DECODE_CRASHED = "decode_crashed", DependsOn.MOMENT, Status.ERROR, True, True
    DECODE_TIMEOUT = "decode_timeout", DependsOn.MOMENT, Status.ERROR, True, True
    # Known for what it is, and not decoded by this tool.
    UNSUPPORTED_FORMAT = "unsupported_format", DependsOn.BYTES
    UNSUPPORTED_MEDIA = "unsupported_media", DependsOn.BYTES, Status.SKIPPED
    # Of what is inside others.
    ENCRYPTED = "encrypted", DependsOn.BYTES
    CONTAINER = "container", DependsOn.LIMITS, Status.SKIPPED, False
    # A picture in which the model has nothing to judge.
    NO_FACE = "no_face", DependsOn.BYTES, Status.SKIPPED
    FACE_TOO_SMALL = "face_too_small", DependsOn.BYTES, Status.SKIPPED
    # Named, and left out because --force-exclude says so.
    EXCLUDED = "excluded", DependsOn.MOMENT, Status.SKIPPED, False
    # The model gave no usable number.
    INFERENCE_FAILED = "inference_failed", DependsOn.LIMITS

    def is_error(self, *, strict: bool) -> bool:
        """Whether ``--max-errors`` counts a file with this code."""
        return self.status is Status.ERROR or (strict and self.counts_if_strict)

"""Why bytes did not become pixels, and what was learnt of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.error_codes import ErrorCode

if TYPE_CHECKING:
    from models.preprocessing.seen import UnjudgedFace


PREVIEW = "preview"
"""What a camera embedded beside the sensor's values."""


@dataclass(frozen=True)
class ImageFacts:
    """What the file says of its picture, as stored (before orientation and draft)."""

    format: str
    """Pillow's name of the format, by content."""
    width: int
    height: int
    frames: int | None
    """Number of frames, of which only the first is decoded; ``None`` when the file is too damaged to tell."""
    pixels: str | None = None
    """:data:`PREVIEW` where they are not the file's own picture; width and height are the preview's then."""


class ImageError(Exception):
    """Bytes that the law cannot take to pixels.

    ``format`` is known as soon as a signature was, ``facts`` (which hold it, too) once the header told the size.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        facts: ImageFacts | None = None,
        format: str | None = None,
    ) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail
        self.facts = facts
        self.format = facts.format if facts is not None else format


class NothingToJudge(ImageError):
    """A sound picture without a face, or with none that is judged."""

    def __init__(
        self, code: ErrorCode, detail: str, facts: ImageFacts | None, unjudged: tuple[UnjudgedFace, ...] = ()
    ) -> None:
        super().__init__(code, detail, facts)
        self.unjudged = unjudged


class Refusal(Exception):
    """A sound file that is not decoded: a layout that Pillow misreads, or one that it cannot read.

    The law turns it into an :class:`ImageError` with the file's facts.
    """

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def unsupported_mode(detail: str) -> Refusal:
    """Pixels of a kind that cannot be read here."""
    return Refusal(ErrorCode.UNSUPPORTED_MODE, f"{detail}; convert a copy of it, for instance to 8-bit PNG")


def unsupported_format(detail: str) -> Refusal:
    """A coding of pixels that cannot be read here."""
    return Refusal(ErrorCode.UNSUPPORTED_FORMAT, f"{detail}; convert a copy of it, for instance to PNG")

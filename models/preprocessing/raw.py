"""RAW: the largest picture that the camera embedded, by an extra. The sensor's values are never developed: what came
out would be this tool's picture, and not the camera's.

Sources: LibRaw's documentation of its C++ interface; EXIF 2.32.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

from PIL import Image

from models.error_codes import ErrorCode
from models.preprocessing.codecs import codec
from models.preprocessing.errors import PREVIEW, ImageError, ImageFacts, unsupported_format
from models.raw_types import lacks_directories, lacks_pixels

RAW = "RAW"
"""The name of the format, of whatever maker."""

_ORIENTATIONS = (1, 2, 4, 3, 5, 8, 6, 7)
"""EXIF's, by LibRaw's ``flip``: 1 mirrors, 2 turns upside down, 4 exchanges rows and columns."""
_START, _APP1 = b"\xff\xd8", b"\xff\xe1"
_UNKNOWN = "a RAW file of a camera that LibRaw does not know, or a damaged one"
_NO_PREVIEW = "a RAW file that holds no preview, and RAW is not developed here"
_NO_JPEG = "a RAW file whose largest preview is no JPEG, or is not whole"


class _NotEmbedded(Exception):
    """LibRaw fills up a preview that is cut off with whatever was in memory."""


class Preview(NamedTuple):
    """A file in the file."""

    data: bytes
    format: str
    """Pillow's name: ``JPEG``, or ``BMP`` of one that is stored without a coding."""
    orientation: int
    """The RAW file's, as EXIF numbers them, for a preview that says none itself."""


def preview_of(data: bytes) -> Preview:
    """The largest of a RAW file. Raises :class:`ImageError`."""
    rawpy = library()
    if lacks_directories(data):
        # LibRaw would take the largest preview of those that are left.
        raise _error(ErrorCode.CORRUPT_IMAGE, "a directory lies behind the end of the file")
    try:
        # Not by imread, which warns of multiprocessing: nothing is developed, hence no thread started.
        with rawpy.RawPy() as opened:
            opened.open_buffer(io.BytesIO(data))
            found = opened.extract_thumb()
            orientation = _ORIENTATIONS[opened.sizes.flip & 7]
            if found.format == rawpy.ThumbFormat.JPEG:
                return Preview(_as_embedded(found.data, data), "JPEG", orientation)
            return Preview(_bitmap(found.data, data), "BMP", orientation)
    except MemoryError:
        raise _error(ErrorCode.OUT_OF_MEMORY, "not enough memory to read the preview") from None
    except Exception as error:  # noqa: BLE001 - on damaged bytes the library raises whatever it runs into
        raise _why(rawpy, error, data) from None


def facts_of(preview: ImageFacts) -> ImageFacts:
    """Of the file, whose one picture is the preview."""
    return replace(preview, format=RAW, frames=1, pixels=PREVIEW)


@contextmanager
def told_of_the_file() -> Iterator[None]:
    """What is wrong with the preview is said of the file."""
    try:
        yield
    except ImageError as error:
        facts = None if error.facts is None else replace(facts_of(error.facts), frames=None)
        raise ImageError(error.code, f"its preview: {error.detail}", facts, RAW) from None


def library() -> ModuleType:
    """rawpy. Raises :class:`ImageError` where it is not there."""
    (rawpy,) = codec("raw", "rawpy", needed_by="a RAW picture")
    return rawpy


def _as_embedded(preview: bytes, data: bytes) -> bytes:
    """Without the EXIF block that LibRaw puts before one that has none in first place: with it, a preview's own
    orientation would count for nothing."""
    starts = [len(_START)]
    if preview[2:4] == _APP1:
        starts.append(4 + int.from_bytes(preview[4:6], "big"))
    for start in starts:
        if start < len(preview) and preview[start:] in data:
            return _START + preview[start:]
    raise _NotEmbedded


def _bitmap(pixels: Any, data: bytes) -> bytes:
    """Of ``uint8[height, width, 1 or 3]``."""
    if pixels.tobytes() not in data:
        raise _NotEmbedded
    buffer = io.BytesIO()
    grey = pixels.ndim == 3 and pixels.shape[2] == 1
    Image.fromarray(pixels[:, :, 0] if grey else pixels).save(buffer, "BMP")
    return buffer.getvalue()


def _why(rawpy: ModuleType, error: Exception, data: bytes) -> ImageError:
    match error:
        case rawpy.LibRawUnsufficientMemoryError() | rawpy.LibRawTooBigError():
            return _error(ErrorCode.OUT_OF_MEMORY, "not enough memory to read the preview")
        case _ if lacks_pixels(data):
            return _error(ErrorCode.CORRUPT_IMAGE, "pixels lie behind the end of the file")
        case rawpy.LibRawNoThumbnailError():
            return _refused(_NO_PREVIEW)
        case rawpy.LibRawUnsupportedThumbnailError() | NotImplementedError() | _NotEmbedded():
            return _refused(_NO_JPEG)
        case rawpy.LibRawFileUnsupportedError():
            return _refused(_UNKNOWN)
    return _error(ErrorCode.CORRUPT_IMAGE, f"{type(error).__name__}: {error}")


def _error(code: ErrorCode, detail: str) -> ImageError:
    return ImageError(code, detail, format=RAW)


def _refused(detail: str) -> ImageError:
    refusal = unsupported_format(detail)
    return _error(refusal.code, refusal.detail)

"""TIFF: which files are read, and those whose tags beside the pixels are broken.

Which layouts are right is in ``tiff_layouts``. Sources: TIFF 6.0; BigTIFF.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, ImageFile, TiffImagePlugin

from models.preprocessing.errors import Refusal, unsupported_format, unsupported_mode
from models.preprocessing.formats import Bare, jpeg
from models.preprocessing.formats.tiff_layouts import CODECS, Layout

_WIDTH, _HEIGHT, _STRIPS, _TILES = 256, 257, 273, 324
_WHOLE_NUMBERS = {3: "H", 4: "I", 16: "Q"}
"""Types of tags, by their codes in ``struct``."""
_JPEG_XR = 0xBC01
_NOT_KNOWN = ("unknown pixel mode", "unknown data organization", "Invalid value for samples per pixel")
"""Pillow's words for a layout that it does not have."""
_OPTIONAL_CODECS = {6: None, 7: "jpeg", 34925: "lzma", 50000: "zstd", 50001: "webp"}
"""Codecs that libtiff may be built without, by Pillow's names for writing; there is none for the old JPEG."""

# Of the first directory, what makes pixels: size, samples, codec, colours, orientation, places of strips and tiles.
_PIXEL_TAGS = frozenset(
    (
        *range(256, 260),
        262,
        266,
        273,
        274,
        *range(277, 280),
        284,
        292,
        293,
        317,
        320,
        *range(322, 326),
        332,
        338,
        339,
    )
) | frozenset((347, *range(512, 522), 529, 530, 531, 532))
_XMP = 700  # may hold an orientation

Directory = TiffImagePlugin.ImageFileDirectory_v2


def checked(image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """As it is, if Pillow reads its layout rightly."""
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    _check_header(data)
    refused = Layout.of(image.tag_v2).refusal()
    if refused is not None:
        raise refused
    return image


def size(data: bytes) -> tuple[int, int] | None:
    """By the first directory."""
    order, big, _, entries = _entries(data)
    found: dict[int, int] = {}
    for entry in entries:
        tag, kind = struct.unpack_from(order + "HH", entry)
        if tag in (_WIDTH, _HEIGHT) and kind in _WHOLE_NUMBERS:
            (found[tag],) = struct.unpack_from(order + _WHOLE_NUMBERS[kind], entry, 12 if big else 8)
    return (found[_WIDTH], found[_HEIGHT]) if len(found) == 2 else None


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """Layouts and codecs that Pillow, or the libtiff in it, lacks."""
    _check_header(data)
    tags = _directory(data)
    if _JPEG_XR in tags:
        return unsupported_format("a TIFF with JPEG XR inside")
    layout = Layout.of(tags)
    refused = layout.refusal()
    if refused is not None:
        return refused
    not_known = any(words in str(error) for words in _NOT_KNOWN)
    if not_known and (_STRIPS in tags or _TILES in tags):
        return unsupported_mode(f"a TIFF with {layout}")
    if layout.compression in _OPTIONAL_CODECS and not _can_write(_OPTIONAL_CODECS[layout.compression]):
        return unsupported_format(f"a TIFF compressed with {CODECS[layout.compression]}")
    if layout.compression == 7:
        return _stream_refusal(data, tags, layout)
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """With the tags alone that make pixels; first with XMP, then without."""
    for kept in (_PIXEL_TAGS | {_XMP}, _PIXEL_TAGS):
        yield Bare(_with_tags(data, kept), False)


def _is_big(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _check_header(data: bytes) -> None:
    if data.startswith(b"MM\0+"):  # Pillow looks for the mark of BigTIFF where II has it
        raise unsupported_format("a BigTIFF in big-endian order")


def _directory(data: bytes) -> Directory:
    tags = Directory(data[: 16 if _is_big(data) else 8])
    stream = io.BytesIO(data)
    stream.seek(tags.next)
    tags.load(stream)
    return tags


def _can_write(codec: str | None) -> bool:
    """Whether the codec is built in; Pillow knows no other way to ask."""
    if codec is None:
        return False
    try:
        Image.new("RGB", (16, 16)).save(io.BytesIO(), "TIFF", compression=codec)
    except Exception:  # noqa: BLE001 - whatever it is, there is no such codec
        return False
    return True


def _stream_refusal(data: bytes, tags: Directory, layout: Layout) -> Refusal | None:
    """Of a JPEG inside, by the first of its streams."""
    stream = data[(tags.get(_STRIPS) or tags[_TILES])[0] :]
    found = jpeg.refusal(stream, ValueError())
    if found is not None:
        return Refusal(found.code, f"a TIFF that holds {found.detail}")
    frame = jpeg.frame_of(stream)
    if frame is not None and layout.photometric != 6 and len(frame.factors) > 1:
        return unsupported_mode("a TIFF with a subsampled JPEG that is not YCbCr")
    return None


class _Directory(NamedTuple):
    order: str
    big: bool
    place: int
    entries: list[bytes]


def _entries(data: bytes) -> _Directory:
    """Of the first directory, as they are stored."""
    order, big = "<" if data[:2] == b"II" else ">", _is_big(data)
    word, count, size, at = ("Q", "Q", 20, 8) if big else ("I", "H", 12, 4)
    (place,) = struct.unpack_from(order + word, data, at)
    (number,) = struct.unpack_from(order + count, data, place)
    begin = place + struct.calcsize(order + count)
    ends = range(begin + size, min(begin + number * size, len(data)) + 1, size)
    return _Directory(order, big, place, [data[end - size : end] for end in ends])


def _with_tags(data: bytes, kept: frozenset[int]) -> bytes:
    """The entries kept in the directory's own place: bytes behind the file's end would mend pixels that are cut off."""
    order, big, place, entries = _entries(data)
    lean = [entry for entry in entries if struct.unpack_from(order + "H", entry)[0] in kept]
    directory = struct.pack(order + ("Q" if big else "H"), len(lean)) + b"".join(lean)
    directory += bytes((8 if big else 4) + sum(map(len, entries)) - sum(map(len, lean)))
    return data[:place] + directory + data[place + len(directory) :]

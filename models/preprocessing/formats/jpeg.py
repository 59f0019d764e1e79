"""JPEG: what its frame header says. Sources: ITU-T T.81 annex B, T.87 (JPEG-LS), the markers of JFIF and Adobe."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from models.error_codes import ErrorCode
from models.preprocessing.errors import Refusal, unsupported_format, unsupported_mode
from models.preprocessing.formats import Bare

_MAX_SIDE = 65_500
"""libjpeg's."""
_START_OF_SCAN = 0xDA
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_JPEG_LS = 0xF7
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}) | {_JPEG_LS}
_ARITHMETIC = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_COMMENT = 0xFE
# Shorter ones than these mean nothing to libjpeg and trouble to Pillow.
_JFIF_BYTES, _ADOBE_BYTES = 14, 12


class Frame(NamedTuple):
    """A frame header (T.81, B.2.2)."""

    marker: int
    bits: int
    width: int
    height: int
    components: int
    factors: frozenset[int]
    """Horizontal and vertical sampling factors of the components, as stored."""
    is_sound: bool
    """Whether it has the standard's length and a number of bits that there is."""


def frame_of(data: bytes) -> Frame | None:
    """The first frame header, if the segments before it can be walked."""
    for marker, start, end in _segments(data):
        if marker in _FRAMES and end - start >= 6:
            bits, height, width, components = struct.unpack_from(">BHHB", data, start)
            factors = frozenset(data[start + 7 : end : 3][:components])
            is_sound = end - start == 6 + 3 * components and 2 <= bits <= 16
            return Frame(marker, bits, width, height, components, factors, is_sound)
    return None


def size(data: bytes) -> tuple[int, int] | None:
    """By the frame header."""
    frame = frame_of(data)
    return (frame.width, frame.height) if frame is not None else None


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """Processes of the standard that the library lacks."""
    frame = frame_of(data)
    if frame is None or not frame.is_sound:
        return None
    if frame.marker == _JPEG_LS:
        return unsupported_format("a JPEG-LS file")
    if frame.bits != 8:
        return unsupported_mode(f"a JPEG with {frame.bits} bits a sample")
    if frame.components not in (1, 3, 4):
        return unsupported_mode(f"a JPEG with {frame.components} components")
    if frame.marker in _HIERARCHICAL:
        return unsupported_mode("a hierarchical JPEG")
    if max(frame.width, frame.height) > _MAX_SIDE:
        detail = f"{frame.width}×{frame.height} pixels, the JPEG library takes {_MAX_SIDE} a side"
        return Refusal(ErrorCode.TOO_MANY_PIXELS, detail)
    if frame.height == 0:
        return unsupported_mode("a JPEG that tells its height only behind its pixels (DNL)")
    if frame.marker in _ARITHMETIC and not _arithmetic_is_read():
        return unsupported_mode("a JPEG with arithmetic coding")
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """First with what EXIF and XMP say of the orientation, then without."""
    pictures = any(marker == 0xE2 and data[at : at + 4] == b"MPF\0" for marker, at, _ in _segments(data))
    yield Bare(_rebuilt(data, with_exif=True), not pictures)
    yield Bare(_rebuilt(data, with_exif=False), not pictures)


def _rebuilt(data: bytes, *, with_exif: bool) -> bytes:
    parts, behind = [data[:2]], 2
    for marker, start, end in _segments(data):
        if _is_kept(marker, data[start : start + 5], end - start, with_exif):
            parts.append(data[start - 4 : end])
        behind = end
    return b"".join((*parts, data[behind:]))


def _is_kept(marker: int, begin: bytes, length: int, with_exif: bool) -> bool:
    if marker == 0xE0:
        return begin == b"JFIF\0" and length >= _JFIF_BYTES
    if marker == 0xE1:
        return with_exif
    if marker == 0xEE:
        return begin == b"Adobe" and length >= _ADOBE_BYTES
    return not (0xE2 <= marker <= 0xEF or marker == _COMMENT)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Markers with their bodies' places, up to and without the first scan."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            raise ValueError("no marker where one is due")
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker == _START_OF_SCAN:
            return
        if marker in _NO_LENGTH:
            place += 2
            continue
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, place + 4, end
        place = end


def _arithmetic_is_read() -> bool:
    from PIL import features

    # libjpeg-turbo is built with it unless someone asks otherwise; the other libjpegs leave it out.
    return bool(features.check_feature("libjpeg_turbo"))

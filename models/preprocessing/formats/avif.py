"""AVIF. Sources: ISO/IEC 14496-12 (boxes), 23008-12 (HEIF: ``ispe``, ``infe``), AV1 Image File Format 1.1."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from models.error_codes import ErrorCode
from models.preprocessing.errors import Refusal, unsupported_format
from models.preprocessing.formats import Bare

_BRANDS = frozenset({b"avif", b"avis"})
_MAX_SIDE = 32_768
_MAX_AREA = 16_384 * 16_384
"""libavif's defaults, which Pillow leaves as they are."""
_EXIF_ITEM = re.compile(rb"(infe\x02.{7}|infe\x03.{9})Exif", re.DOTALL)


def size(data: bytes) -> tuple[int, int] | None:
    """The largest of the sizes that items are said to have: the picture, beside thumbnails and tiles."""
    return max(sizes(data), key=lambda pair: pair[0] * pair[1], default=None)


def sizes(data: bytes) -> list[tuple[int, int]]:
    """Of all items, before they are turned."""
    found = []
    place = data.find(b"ispe")
    while 0 <= place <= len(data) - 16:
        width, height = struct.unpack_from(">II", data, place + 8)
        if width and height:
            found.append((width, height))
        place = data.find(b"ispe", place + 4)
    return found


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """HEIC under the brand that both have, and pictures above the library's limits."""
    length = int.from_bytes(data[:4], "big")
    brands = {data[8:12], *(data[place : place + 4] for place in range(16, min(length, 1024), 4))}
    if not brands & _BRANDS:
        return unsupported_format("a HEIF file that holds no AVIF (such as HEIC)")
    stored = size(data)
    if stored is not None and (max(stored) > _MAX_SIDE or stored[0] * stored[1] > _MAX_AREA):
        detail = f"{stored[0]}×{stored[1]} pixels, more than the AVIF library takes"
        return Refusal(ErrorCode.TOO_MANY_PIXELS, detail)
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """With EXIF under a name that nobody looks for: Pillow fails on a damaged one."""
    renamed = _EXIF_ITEM.sub(rb"\1Exi_", data)
    if renamed != data:
        yield Bare(renamed, True)

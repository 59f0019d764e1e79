"""PSD and PSB: image resources. Source: Adobe Photoshop File Formats Specification (2019)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.media.provenance import said, tiff
from scanner.media.provenance.bounds import Budget, as_far_as_sound

_HEADER = 26
_EXIF, _XMP = 1058, 1060
"""Numbers of resources."""


def facts(data: memoryview, budget: Budget) -> Iterator[str]:
    """Raises ``struct.error`` or :class:`IndexError` where the file is cut off."""
    (colours,) = struct.unpack_from(">I", data, _HEADER)
    start = _HEADER + 4 + colours
    (length,) = struct.unpack_from(">I", data, start)
    place, end = start + 4, start + 4 + length
    while place < end and budget.step() and bytes(data[place : place + 4]) == b"8BIM":
        (number,) = struct.unpack_from(">H", data, place + 4)
        behind = place + 6 + _even(1 + data[place + 6])  # a name, its length before it
        (size,) = struct.unpack_from(">I", data, behind)
        content = data[behind + 4 : behind + 4 + size]
        if len(content) < size or behind + 4 + size > end:
            return
        if number == _XMP:
            yield from said.xmp(content, budget)
        elif number == _EXIF:
            yield from as_far_as_sound(tiff.exif_facts(content, budget))
        place = behind + 4 + _even(size)


def _even(size: int) -> int:
    return size + size % 2

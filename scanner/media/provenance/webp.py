"""WebP: RIFF chunks. Sources: RFC 9649, C2PA 2.1 (embedding)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.media.provenance import said, tiff
from scanner.media.provenance.bounds import Budget, as_far_as_sound


def facts(data: memoryview, budget: Budget) -> Iterator[str]:
    place = 12
    while place + 8 <= len(data) and budget.step():
        kind, length = struct.unpack_from("<4sI", data, place)
        part = data[place + 8 : place + 8 + length]
        if len(part) < length:
            return
        if kind == b"C2PA":
            yield said.C2PA
        elif kind == b"EXIF":
            tiff_part = part[6:] if bytes(part[:5]) == b"Exif\0" else part
            yield from as_far_as_sound(tiff.exif_facts(tiff_part, budget))
        elif kind == b"XMP ":
            yield from said.xmp(part, budget)
        place += 8 + length + length % 2

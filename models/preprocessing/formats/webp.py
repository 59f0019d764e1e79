"""WebP. Source: RFC 9649."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from models.preprocessing.errors import Refusal
from models.preprocessing.formats import Bare


def size(data: bytes) -> tuple[int, int] | None:
    """By the first chunk, of one of three kinds."""
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """None: there is one library, and it reads them all."""
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """None: the library skips what it does not know."""
    return iter(())

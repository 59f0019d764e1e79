"""BMP: palettes, runs and bit fields. Sources: Microsoft, "Bitmap Storage" and "Bitmap Compression"; OS/2 1.x."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from PIL import ImageFile

from models.preprocessing.errors import Refusal, unsupported_format, unsupported_mode
from models.preprocessing.formats import Bare
from models.preprocessing.openers import opened

_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_RGB, _RLE8, _RLE4, _BIT_FIELDS = 0, 1, 2, 3
_OTHER_COMPRESSIONS = frozenset({4, 5, 6, 11, 12, 13})
"""JPEG, PNG, bit fields with alpha (Windows CE), CMYK (in metafiles)."""
_PADDING = 3
"""Bytes behind an early end that are no sign of damage."""
_OS2_HEADER = 12
_FILE_HEADER = 14


class Header(NamedTuple):
    """The two headers at the file's begin."""

    pixels_at: int
    header: int
    width: int
    height: int
    """Negative: the first row is the topmost."""
    bits: int
    compression: int
    colours: int

    @classmethod
    def of(cls, data: bytes) -> Header:
        pixels_at, header = struct.unpack_from("<II", data, 10)
        if header == _OS2_HEADER:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            return cls(pixels_at, header, width, height, bits, _RGB, 0)
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (colours,) = struct.unpack_from("<I", data, 46)
        return cls(pixels_at, header, width, height, bits, compression, colours)


def checked(image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """Pillow takes short grey palettes for pixels of 1 or 8 bits, fails at long ones, stops at runs that leave pixels
    out, and drops the alpha of 16-bit pixels."""
    header = Header.of(data)
    if header.compression == _BIT_FIELDS:
        _check_masks(header, data)
    if (header.compression, header.bits) in ((_RLE8, 8), (_RLE4, 4)):
        codes = memoryview(data)[header.pixels_at :]
        return opened("BMP", _rebuilt(header, data, 8, _run_lengths(codes, header)))
    too_many = header.bits == 8 and header.colours > 256
    if too_many or (image.mode, header.bits) in (("1", 4), ("1", 8), ("L", 1), ("L", 4)):
        return opened("BMP", _rebuilt(header, data, header.bits, data[header.pixels_at :]))
    return image


def size(data: bytes) -> tuple[int, int] | None:
    """As stored; a negative height means the order of rows."""
    header = Header.of(data)
    return (header.width, abs(header.height)) if header.header in (*_HEADERS, *range(16, 65)) else None


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """Kinds that Pillow says it does not know."""
    header = Header.of(data)
    if header.header not in _HEADERS:
        # Of other sizes there are OS/2's, which may end anywhere; anything else is text that begins with BM.
        is_os2 = header.header in range(16, 65)
        return unsupported_format(f"a bitmap with a header of {header.header} bytes") if is_os2 else None
    if header.compression in _OTHER_COMPRESSIONS:
        return unsupported_format(f"a bitmap with compression {header.compression}")
    if header.bits in (2, 64):
        return unsupported_mode(f"a bitmap with {header.bits} bits a pixel")
    if "bitfields" in str(error):
        return unsupported_mode("a bitmap whose bit fields are of an unusual layout")
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """None: there is none but a profile, which nobody reads."""
    return iter(())


def _check_masks(header: Header, data: bytes) -> None:
    # In every header the masks lie at one place: inside it, or behind one of 40 bytes.
    masks = struct.unpack_from("<3I", data, _FILE_HEADER + 40)
    if not any(masks):
        raise unsupported_mode("a bitmap whose bit fields name no bits")
    alpha = struct.unpack_from("<I", data, _FILE_HEADER + 52)[0] if header.header >= 56 else 0
    if alpha and header.bits != 32:
        raise unsupported_mode(f"a bitmap with alpha in {header.bits} bits a pixel")


def _rebuilt(header: Header, data: bytes, bits: int, pixels: bytes | bytearray) -> bytes:
    """An uncompressed bitmap with a palette of 256 colours, which is as no short one that Pillow takes for grey."""
    entry = 3 if header.header == _OS2_HEADER else 4
    count = min(header.colours or 1 << header.bits, 256)
    begin = _FILE_HEADER + header.header
    colours = [data[begin + n * entry : begin + n * entry + 3] for n in range(count)]
    palette = b"".join(colour.ljust(4, b"\0") for colour in colours).ljust(1024, b"\0")
    pixels_at = _FILE_HEADER + 40 + len(palette)
    info = struct.pack(
        "<IiiHHIIiiII", 40, header.width, header.height, 1, bits, _RGB, len(pixels), 0, 0, 256, 0
    )
    return b"BM" + struct.pack("<IHHI", pixels_at + len(pixels), 0, 0, pixels_at) + info + palette + pixels


def _run_lengths(codes: memoryview, header: Header) -> bytearray:
    """RLE8 or RLE4 to rows of one byte a pixel; what no code covers has colour 0. Raises ``ValueError`` if cut off."""
    width, height = header.width, abs(header.height)
    stride = (width + 3) & ~3
    rows = bytearray(stride * height)
    x = y = place = 0
    while y < height:
        if place + 2 > len(codes):
            if x >= width and y == height - 1:
                break
            raise ValueError("the runs are cut off")
        count, value = codes[place], codes[place + 1]
        place += 2
        if count == 0 and value == 0:
            x, y = 0, y + 1
        elif count == 0 and value == 1:
            if y < height - 1 and len(codes) - place > _PADDING:
                raise ValueError("the runs end before the file does")
            break
        elif count == 0 and value == 2:
            x, y = x + codes[place], y + codes[place + 1]
            place += 2
        else:
            if count:
                stored = bytes((value,)) * (count if header.bits == 8 else (count + 1) // 2)
            else:
                count = value
                size = count if header.bits == 8 else (count + 1) // 2
                stored = bytes(codes[place : place + size])
                if len(stored) < size:
                    raise ValueError("the runs are cut off")
                place += size + size % 2
            run = (
                stored
                if header.bits == 8
                else bytes(half for byte in stored for half in (byte >> 4, byte & 15))
            )
            if x >= width:
                raise ValueError("a run behind the end of its row")
            fits = min(count, width - x)
            rows[y * stride + x : y * stride + x + fits] = run[:fits]
            x += count
    return rows

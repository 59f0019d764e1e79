"""Windows bitmaps of any kind, written by the rules of the format (Microsoft, "Bitmap Storage"; OS/2 1.x)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

RGB, RLE8, RLE4, BITFIELDS = 0, 1, 2, 3


def bmp(
    pixels: bytes,
    size: tuple[int, int],
    bits: int,
    *,
    header: int = 40,
    compression: int = RGB,
    palette: bytes = b"",
    masks: tuple[int, ...] = (),
    colours: int = 0,
) -> bytes:
    """A file of ``pixels`` as stored; a negative height is top-down; ``palette`` in BGRX, of header 12 in BGR."""
    width, height = size
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack(
            "<IiiHHIIiiII", header, width, height, 1, bits, compression, len(pixels), 2835, 2835, colours, 0
        )
        packed = b"".join(struct.pack("<I", mask) for mask in masks)
        if header == 40:
            palette = packed + palette
        else:
            info += packed
        info = info.ljust(header, b"\0")
    start = 14 + header + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info + palette + pixels


def packed_rows(values: npt.NDArray[Any], bits: int) -> bytes:
    """``values[height, width]`` (colour indices or whole pixels) in rows of whole 32-bit words, as they come."""
    planes = (values[..., None].astype(np.int64) >> np.arange(bits - 1, -1, -1)) & 1
    rows = np.packbits(planes.reshape(values.shape[0], -1).astype(np.uint8), axis=1)
    if bits > 8:
        rows = rows.reshape(values.shape[0], values.shape[1], bits // 8)[..., ::-1].reshape(
            values.shape[0], -1
        )
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()

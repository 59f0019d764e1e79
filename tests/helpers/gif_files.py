"""GIF files of one frame, written by the rules of GIF89a (with codes that never grow, which every reader takes)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt


def gif(
    indices: npt.NDArray[Any],
    bits: int,
    *,
    screen: tuple[int, int] | None = None,
    at: tuple[int, int] = (0, 0),
    palette: bytes = b"",
    own_palette: bytes = b"",
    interlaced: bool = False,
    transparent: int | None = None,
    background: int = 0,
) -> bytes:
    """The file of ``indices[height, width]`` at a place of the screen; palettes of ``2 ** bits`` colours."""
    height, width = indices.shape
    table = 0x80 | (bits - 1)
    data = b"GIF89a" + struct.pack("<HH", *(screen or (width, height)))
    data += bytes((table if palette else 0, background, 0)) + palette
    if transparent is not None:
        data += b"!\xf9\x04\x01\0\0" + bytes((transparent, 0))
    flags = (table if own_palette else 0) | interlaced << 6
    data += b"," + struct.pack("<HHHHB", *at, width, height, flags) + own_palette
    rows = [indices[0::8], indices[4::8], indices[2::4], indices[1::2]] if interlaced else [indices]
    code_size = max(2, bits)
    body = _codes(np.concatenate(rows).ravel().tolist(), code_size)
    blocks = [body[place : place + 255] for place in range(0, len(body), 255)]
    return data + bytes((code_size,)) + b"".join(bytes((len(one),)) + one for one in blocks) + b"\0;"


def _codes(indices: list[int], code_size: int) -> bytes:
    clear = 1 << code_size
    codes = []
    for place, index in enumerate(indices):
        if place % (clear // 2) == 0:  # before the reader's table grows
            codes.append(clear)
        codes.append(index)
    bits = "".join(f"{code:0{code_size + 1}b}"[::-1] for code in (*codes, clear + 1))
    return bytes(int(bits[place : place + 8][::-1], 2) for place in range(0, len(bits), 8))

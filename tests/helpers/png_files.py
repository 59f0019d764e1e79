"""PNG files of any colour type and bit depth, written by the rules of PNG, third edition, and what they show."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from reference_law import high_8_bits, nearest_8_bits, over_white

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def png(
    samples: npt.NDArray[Any],
    colour: int,
    bits: int,
    *,
    interlaced: bool = False,
    palette: bytes = b"",
    transparent: bytes = b"",
    before: bytes = b"",
    behind: bytes = b"",
) -> bytes:
    """The file of ``samples[height, width, channels]``, with further chunks ``before`` and ``behind`` the pixels."""
    height, width, _ = samples.shape
    header = struct.pack(">LLBBBBB", width, height, bits, colour, 0, 0, interlaced)
    chunks = chunk(b"IHDR", header)
    chunks += chunk(b"PLTE", palette) if palette else b""
    chunks += chunk(b"tRNS", transparent) if transparent else b""
    passes = (
        [samples[top::down, left::right] for left, top, right, down in _ADAM7] if interlaced else [samples]
    )
    body = zlib.compress(b"".join(_rows(one, bits) for one in passes if one.size))
    return SIGNATURE + chunks + before + chunk(b"IDAT", body) + behind + chunk(b"IEND", b"")


def _rows(samples: npt.NDArray[Any], bits: int) -> bytes:
    flat = samples.reshape(samples.shape[0], -1)
    planes = (flat[..., None].astype(np.int64) >> np.arange(bits - 1, -1, -1)) & 1
    packed = np.packbits(planes.reshape(flat.shape[0], -1).astype(np.uint8), axis=1)
    return np.pad(packed, ((0, 0), (1, 0))).tobytes()  # each row begins with its filter: none


def expected(
    samples: npt.NDArray[Any], colour: int, bits: int, palette: bytes = b"", transparent: bytes = b""
) -> npt.NDArray[Any]:
    """The pixels by the law, ``[height, width, 3]``."""
    if colour == PALETTE:
        colours = np.frombuffer(palette, np.uint8).reshape(-1, 3).astype(int)
        alpha = np.full(len(colours), 255)
        alpha[: len(transparent)] = list(transparent)
        return over_white(colours, alpha[:, None])[samples[..., 0]]
    nearest = bits <= 8 or colour == GREY
    values = nearest_8_bits(samples, bits) if nearest else high_8_bits(samples, bits)
    rgb = np.repeat(values[..., :1], 3, axis=2) if colour in (GREY, GREY_ALPHA) else values[..., :3]
    if colour in (GREY_ALPHA, RGB_ALPHA):
        return over_white(rgb, values[..., -1:])
    if transparent:
        key = struct.unpack(f">{CHANNELS[colour]}H", transparent)
        rgb = np.where((samples == key).all(axis=2, keepdims=True), 255, rgb)
    return rgb

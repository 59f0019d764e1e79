"""RAW files by rule, with small previews: DNG and its kin by tifffile, RAF and CR2 by hand as far as LibRaw asks."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import tifffile
from PIL import Image

THUMBNAIL_GREY = 9
_CFA, _LINEAR_RAW = 32803, 34892
_SENSOR_WIDTH, _SENSOR_HEIGHT = 64, 48


def jpeg(width: int, height: int, orientation: int | None = None) -> bytes:
    """In four quarters: red, green, blue, white; with EXIF for an ``orientation``."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = 255, 0, 0
    pixels[: height // 2, width // 2 :] = 0, 128, 0
    pixels[height // 2 :, : width // 2] = 0, 0, 255
    pixels[height // 2 :, width // 2 :] = 255
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()


SMALL, LARGE = jpeg(96, 64), jpeg(192, 128)


def dng(
    previews: Sequence[bytes] = (SMALL, LARGE),
    *,
    orientation: int = 1,
    maker: str | None = None,
    thumbnail: bool = True,
    linear: bool = False,
) -> bytes:
    """A mosaic behind a grey thumbnail of 16 × 12 pixels, or instead of it.

    With the name of a ``maker`` it is no DNG, and laid out as that maker's TIFF; then the mosaic must be of some size.
    """
    named = [
        (271, 2, 0, maker or "Made", True),
        (272, 2, 0, f"{maker or 'Made'} 1", True),
        (274, 3, 1, orientation, True),
    ]
    version = [(50706, 1, 4, bytes([1, 4, 0, 0]), True), (50708, 2, 0, "Made 1", True)]
    named += version if maker is None else []
    times = 1 if maker is None else 10
    shape = (_SENSOR_HEIGHT * times, _SENSOR_WIDTH * times, *((3,) if linear else ()))
    values = np.zeros(shape, np.uint16)
    mosaic = [] if linear else [(33421, 3, 2, (2, 2), True), (33422, 1, 4, bytes([0, 1, 1, 2]), True)]
    sensor: dict[str, Any] = {"photometric": _LINEAR_RAW if linear else _CFA, "subfiletype": 0}
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        inner = len(previews) + thumbnail
        if thumbnail:
            grey = np.full((12, 16, 3), THUMBNAIL_GREY, np.uint8)
            writer.write(
                grey, photometric="rgb", subfiletype=1, subifds=inner, extratags=named, metadata=None
            )
            writer.write(values, metadata=None, extratags=mosaic, **sensor)
        else:
            writer.write(values, metadata=None, extratags=named + mosaic, subifds=inner or None, **sensor)
        for preview in previews:
            size = Image.open(io.BytesIO(preview))
            layout = {"shape": (size.height, size.width, 3), "rowsperstrip": size.height, "dtype": np.uint8}
            coding = {"photometric": "ycbcr", "compression": "jpeg", "subfiletype": 1, "metadata": None}
            writer.write(iter([preview]), **layout, **coding)
    return out.getvalue()


def raf(preview: bytes) -> bytes:
    """Of Fujifilm: a head with three places, the sensor's sizes, and the preview; its values are missing."""
    width, height = 640, 480
    sizes = [(0x100, height, width), (0x110, 0, 0), (0x111, height, width)]
    table = struct.pack(">I", len(sizes)) + b"".join(
        struct.pack(">HHHH", tag, 4, *two) for tag, *two in sizes
    )
    begin = 0x100
    shown = begin + len(table)
    places = (shown, len(preview), begin, len(table), shown, width * height * 2)
    head = b"FUJIFILMCCD-RAW 0201FF119502X100".ljust(0x54, b"\0") + struct.pack(">6I", *places)
    return head.ljust(begin, b"\0") + table + preview


def cr2(preview: bytes, orientation: int = 1) -> bytes:
    """Of Canon: two directories in a chain, the preview's and that of a sensor in lossless JPEG, empty here."""
    size = Image.open(io.BytesIO(preview))
    frame = struct.pack(">BHHB", 14, 480, 320, 2) + bytes([1, 0x11, 0, 2, 0x11, 0])
    codes = bytes(1) + bytes([1, 1]) + bytes(14) + bytes([0, 1])
    segments = ((0xC4, codes), (0xC3, frame), (0xDA, bytes([2, 1, 0, 2, 0, 1, 0, 0])))
    sensor = b"\xff\xd8" + b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body for marker, body in segments
    )
    sensor += bytes(2000) + b"\xff\xd9"
    make, model = b"Canon\0", b"Canon EOS 50D\0"
    first = 16
    second = first + 2 + 9 * 12 + 4
    named = second + 2 + 4 * 12 + 4
    bits = named + len(make + model)
    shown = bits + 6
    of_preview = [(256, 4, 1, size.width), (257, 4, 1, size.height), (258, 3, 3, bits), (259, 3, 1, 6)]
    of_preview += [(271, 2, len(make), named), (272, 2, len(model), named + len(make))]
    of_preview += [(273, 4, 1, shown), (274, 3, 1, orientation), (279, 4, 1, len(preview))]
    of_sensor = [(256, 4, 1, 640), (257, 4, 1, 480), (259, 3, 1, 6), (273, 4, 1, shown + len(preview))]
    body = _directory(of_preview, second) + _directory(of_sensor, 0)
    head = b"II*\0" + struct.pack("<I", first) + b"CR\2\0" + struct.pack("<I", second)
    return head + body + make + model + struct.pack("<HHH", 8, 8, 8) + preview + sensor


def _directory(entries: Sequence[tuple[int, int, int, int]], following: int) -> bytes:
    lines = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + lines + struct.pack("<I", following)

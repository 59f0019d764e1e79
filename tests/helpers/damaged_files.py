"""Damage by rule: what a file may become on a bad disk, and what has to be made of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image


def damaged(whole: bytes, count: int, *, kept: int, seed: int = 7) -> Iterator[bytes]:
    """Each with one to six other bytes behind the first ``kept``, every third one cut off besides."""
    chance = random.Random(seed)
    for number in range(count):
        data = bytearray(whole if number % 3 else whole[: chance.randint(kept + 1, len(whole))])
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(kept, len(data))] = chance.randrange(256)
        yield bytes(data)


def costs_a_picture_or_nothing(whole: bytes, count: int, *, kept: int) -> None:
    """Of pictures that a law is given: each has pixels or a code that fits what it still is."""
    for data in damaged(whole, count, kept=kept):
        try:
            decoded = decode_image(data, max_pixels=1 << 16)
        except ImageError as error:
            assert error.code is not ErrorCode.NOT_AN_IMAGE
        else:
            assert decoded.rgb.mode == "RGB"


SIGNATURES = (
    b"\xff\xd8",
    b"\xff\xd8\xff\xe1\0\xffExif\0\0MM\0*",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBP",
    b"II*\0",
    b"MM\0*",
    b"II+\0\x08\0\0\0",
    b"MM\0+\0\x08\0\0",
    b"\0\0\0\x08ftyp",
    b"\0\0\0\x08ftyp\0\0\0\0meta\0\0\0\0",
    b"GIF89a",
    b"8BPS\0\1" + bytes(20),
    b"8BPS\0\1" + bytes(24) + b"\0\0\xff\xff8BIM",
)
"""Beginnings of files that provenance is read from, as far as what tells the format, or a little further."""

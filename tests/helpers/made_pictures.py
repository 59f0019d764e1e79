"""What the tests of made pictures share."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from models.error_codes import ErrorCode
from models.preprocessing import (
    ImageError,
    preprocess,
)

Encode = Callable[..., bytes]


LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "BMP": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
    "GIF": {},
}


def code_of(data: bytes, **limits: int) -> ErrorCode:
    with pytest.raises(ImageError) as caught:
        preprocess(data, **limits)
    return caught.value.code


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

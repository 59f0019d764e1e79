"""Pictures as bytes of every decoded format, and a small network file or two."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image


def encode(picture: Image.Image, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """``encoded(picture, "PNG", **save options)``."""
    return encode


@pytest.fixture(scope="session")
def quarters() -> Image.Image:
    """48×32 pixels: red top left, green top right, blue bottom left, black bottom right."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24, 0] = pixels[:16, 24:, 1] = pixels[16:, :24, 2] = 255
    return Image.fromarray(pixels)

"""Preprocessing version 1 for stored samples, in numpy and without Pillow's readers: what pixels have to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Samples = npt.NDArray[Any]


def nearest_8_bits(samples: Samples, bits: int, *, signed: bool = False) -> Samples:
    """Grey, scaled linearly from the full range of the type."""
    low, span = (-(2 ** (bits - 1)) if signed else 0), 2**bits - 1
    return ((samples.astype(np.int64) - low) * 255 + span // 2) // span


def high_8_bits(samples: Samples, bits: int) -> Samples:
    """Of colours and of alpha: the same, rounded down."""
    return samples.astype(np.int64) >> (bits - 8)


def cmyk(samples: Samples) -> Samples:
    """``uint8[height, width, 4]`` as Pillow converts it, which the law leaves to it."""
    return np.asarray(Image.fromarray(samples.astype(np.uint8), "CMYK").convert("RGB")).astype(int)


def over_white(rgb: Samples, alpha: Samples, *, premultiplied: bool = False) -> Samples:
    """``rgb`` and ``alpha`` from 0 to 255."""
    alpha = alpha.astype(float)
    return (rgb if premultiplied else rgb * alpha / 255) + 255 - alpha

"""Of a couple the sharper picture is blurred to the sharpness of the other, so that neither class is the sharper one.

Couples of like pictures take the difference between sources away; what is left is the one within them: most face swaps
are softer than their originals, and softness alone is no sign of a fake. docs/ablation.md says what it is worth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from models.contract import IMAGE_SIZE
from train.datasets.looks import sharpness

_STEPS = 7
"""Halvings of the range of strengths."""
_NEAR = 0.4
"""Of log2 of the sharpness: a quarter less than wanted is near enough."""
_MOST_SIGMA = 10.0
"""Of a blur, in pixels of the network's input."""
_LEAST_FACTOR = 0.12
"""Of a reduction."""


def as_soft_as(rgb: Image.Image, wanted: float, rng: np.random.Generator) -> Image.Image:
    """The picture with ``wanted`` as its :func:`train.datasets.looks.sharpness`; as it is, if it is softer.

    By a blur, or by a reduction and enlargement: one alone would become a sign of its own. The latter cannot take a
    little away, and gives way to the blur there.
    """
    if sharpness(rgb) <= wanted:
        return rgb
    if rng.random() < 0.5:
        reduced = _weakened(rgb, wanted, _reduced)
        if sharpness(reduced) > wanted - _NEAR:
            return reduced
    return _weakened(rgb, wanted, _blurred)


def _weakened(
    rgb: Image.Image, wanted: float, weaken: Callable[[Image.Image, float], Image.Image]
) -> Image.Image:
    low, high = 0.0, 1.0
    found = weaken(rgb, high)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        tried = weaken(rgb, middle)
        if sharpness(tried) > wanted:
            low = middle
        else:
            high, found = middle, tried
    return found


def _blurred(rgb: Image.Image, strength: float) -> Image.Image:
    return rgb.filter(ImageFilter.GaussianBlur(strength**2 * _MOST_SIGMA * min(rgb.size) / IMAGE_SIZE))


def _reduced(rgb: Image.Image, strength: float) -> Image.Image:
    # The input's own size is where it begins: what a larger picture loses above it is not seen.
    edge = min(1.0, IMAGE_SIZE / min(rgb.size)) * _LEAST_FACTOR**strength
    small = (max(1, round(rgb.width * edge)), max(1, round(rgb.height * edge)))
    return rgb.resize(small, Image.Resampling.BILINEAR).resize(rgb.size, Image.Resampling.BILINEAR)

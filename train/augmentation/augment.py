"""Random changes to a native-size RGB picture before the preprocessing law; the same law for both classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from models.contract import IMAGE_SIZE
from models.preprocessing import to_input
from train.augmentation.random_degradations import degrade
from train.recipes import Phase, Recipe, View

_ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def augment(rgb: Image.Image, recipe: Recipe, rng: np.random.Generator) -> Image.Image:
    """Colour jitter (brightness, contrast, saturation in random order, as torchvision's), flip, degradations."""
    if recipe.color_jitter:
        for which in rng.permutation(len(_ENHANCERS)):
            factor = float(rng.uniform(1 - recipe.color_jitter, 1 + recipe.color_jitter))
            rgb = _ENHANCERS[which](rgb).enhance(factor)
    if recipe.flip and rng.random() < 0.5:
        rgb = rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if not recipe.degradations or (recipe.degradation_share < 1 and rng.random() >= recipe.degradation_share):
        return rgb
    return degrade(rgb, rng)


def training_view(rgb: Image.Image, phase: Phase, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """What a phase sees of a picture: ``uint8[size, size, 3]``."""
    if phase.size == IMAGE_SIZE or phase.view is View.RESIZE:
        return to_input(rgb, phase.size)
    left, top = (int(v) for v in rng.integers(0, IMAGE_SIZE - phase.size + 1, size=2))
    return np.ascontiguousarray(to_input(rgb)[top : top + phase.size, left : left + phase.size])

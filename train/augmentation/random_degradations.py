"""The degradations that training draws from: one list, the same for both classes, applied after any synthesis.

A detector that has only seen one saving of each picture learns that saving. What a list entry may do is kept within
what people really do to pictures; at least 30 % of the pictures stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from train.augmentation.degradations import (
    Step,
    blur,
    colour_cast,
    crop_margin,
    cutout,
    exposure,
    grey,
    jpeg,
    noise,
    saturation,
    shrink,
)

Rng = np.random.Generator


@dataclass(frozen=True)
class RandomDegradation:
    """One entry: how often it is drawn relative to the others, and how its strength is drawn."""

    name: str
    weight: float
    draw: Callable[[Rng], Step]


LIST: tuple[RandomDegradation, ...] = (
    RandomDegradation("JPEG 30–100", 3.0, lambda rng: partial(jpeg, quality=int(rng.integers(30, 101)))),
    RandomDegradation(
        "down-up-scale", 2.0, lambda rng: partial(shrink, factor=float(rng.uniform(0.25, 0.9)))
    ),
    RandomDegradation("blur", 1.0, lambda rng: partial(blur, sigma=float(rng.uniform(0.3, 2.0)))),
    RandomDegradation("noise", 1.0, lambda rng: partial(noise, sigma=float(rng.uniform(1, 12)))),
    RandomDegradation("grey", 0.5, lambda rng: grey),
    RandomDegradation(
        "saturation", 0.7, lambda rng: partial(saturation, factor=float(rng.uniform(0.2, 1.8)))
    ),
    RandomDegradation("colour cast", 0.7, lambda rng: partial(colour_cast, gains=_gains(rng))),
    RandomDegradation("exposure", 1.0, lambda rng: partial(exposure, stops=float(rng.uniform(-1, 1)))),
    RandomDegradation("crop margin", 1.0, lambda rng: partial(crop_margin, margins=_margins(rng))),
    RandomDegradation("cutout", 0.7, lambda rng: partial(cutout, share=float(rng.uniform(0.1, 0.4)))),
)

STACKED = (0.35, 0.4, 0.25)
"""Probability of 0, 1 and 2 degradations, one after the other."""


def degrade(rgb: Image.Image, rng: Rng) -> Image.Image:
    """Draw 0 to 2 different entries of :data:`LIST` and apply them in the order drawn."""
    weights = np.array([entry.weight for entry in LIST])
    count = int(rng.choice(len(STACKED), p=STACKED))
    for index in rng.choice(len(LIST), size=count, replace=False, p=weights / weights.sum()):
        rgb = LIST[index].draw(rng)(rgb, rng)
    return rgb


def _gains(rng: Rng) -> tuple[float, float, float]:
    red, green, blue = (float(gain) for gain in rng.uniform(0.85, 1.15, size=3))
    return red, green, blue


def _margins(rng: Rng) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(share) for share in rng.uniform(0, 0.12, size=4))
    return left, top, right, bottom

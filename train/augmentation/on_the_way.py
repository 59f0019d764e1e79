"""What happens to most pictures on their way to a scanner: the conditions that thresholds are chosen to hold under.

They are applied to the decoded picture at its own size, before the preprocessing law, and nothing in them is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from PIL import Image

from train.augmentation.degradations import Step, jpeg_in_full, shrink


def sent(rgb: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Smaller, and saved anew: as most messengers pass a photograph on."""
    return jpeg_in_full(shrink(rgb, rng, factor=0.5), rng, quality=75)


ON_THE_WAY: Mapping[str, Step] = {
    "JPEG q50": partial(jpeg_in_full, quality=50),
    "resize ×0.5": partial(shrink, factor=0.5),
    "resize ×0.5, JPEG q75": sent,
}
"""By the name that a calibration gives them."""

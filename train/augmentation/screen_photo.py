"""A photograph of a screen that shows the picture: a simulation by rule, not a measurement of any screen or camera.

What is in it, in this order: the camera does not stand straight before the screen (a perspective resampling), its
lens blurs, its grid of pixels beats with the screen's stripes of red, green and blue and the dark gaps between its
rows (moiré), its sensor is noisy, and it writes a JPEG. What is not: glare, reflections, a screen's colours and
viewing angle, the camera's own sharpening and noise reduction.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from train.augmentation.degradations import blur, jpeg_in_full, noise

OFF_CORNER = 0.03
"""Each corner of the photograph lies up to this part of the picture's sides inside the picture, so nothing black is
seen beside the screen."""

BLUR = 0.7
NOISE = 3.0
QUALITY = 80

STRIPES, GAPS = 0.06, 0.05
"""What is left of the screen's colour stripes and of the gaps between its rows after the area of a camera's pixel has
averaged over them, as a part of the brightness."""

PITCH = (0.9, 1.1)
"""Pixels of the screen per pixel of the camera; near 1 the beat is as coarse as the moiré that people know."""

Floats = npt.NDArray[np.float64]
Corners = list[tuple[float, float]]


def screen_photo(rgb: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A photograph, of the picture's size, of a screen that shows it; angle and pitch from ``rng``."""
    width, height = rgb.size
    inside = rng.uniform(0.0, OFF_CORNER, (4, 2))
    seen = [
        (abs(right - x) * width, abs(lower - y) * height)
        for (right, lower), (x, y) in zip(((0, 0), (1, 0), (1, 1), (0, 1)), inside, strict=True)
    ]
    mapping = perspective(rgb.size, seen)
    photo = rgb.transform(rgb.size, Image.Transform.PERSPECTIVE, mapping, Image.Resampling.BICUBIC)
    photo = blur(photo, rng, sigma=BLUR)
    lit = np.asarray(photo, dtype=np.float32) * _moire(rgb.size, mapping, float(rng.uniform(*PITCH)))
    photo = Image.fromarray(np.clip(np.round(lit), 0, 255).astype(np.uint8))
    return jpeg_in_full(noise(photo, rng, sigma=NOISE), rng, quality=QUALITY)


def perspective(size: tuple[int, int], seen: Corners) -> tuple[float, ...]:
    """Pillow's eight numbers of the mapping that takes a photograph's corners (upper left, upper right, lower right,
    lower left) to the points ``seen`` of the picture, both in pixels."""
    width, height = size
    rows, targets = [], []
    for (x, y), (u, v) in zip(((0, 0), (width, 0), (width, height), (0, height)), seen, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        targets += [u, v]
    return tuple(float(value) for value in np.linalg.solve(np.array(rows, float), np.array(targets, float)))


def _moire(size: tuple[int, int], mapping: tuple[float, ...], pitch: float) -> npt.NDArray[np.float32]:
    """``float32[height, width, 3]``: how bright the screen's own pixels make each camera pixel, 1 on average.

    The first harmonic of stripes and gaps, taken at the camera pixels' centres: the beat is what sampling makes of it.
    """
    a, b, c, d, e, f, g, h = mapping
    y, x = np.mgrid[0.5 : size[1] : 1.0, 0.5 : size[0] : 1.0]
    depth = g * x + h * y + 1
    across, down = pitch * (a * x + b * y + c) / depth, pitch * (d * x + e * y + f) / depth
    thirds = np.arange(3) / 3
    stripes = 1 + STRIPES * np.cos(2 * np.pi * (across[..., None] - thirds))
    gaps = 1 + GAPS * np.cos(2 * np.pi * down)
    return np.asarray(stripes * gaps[..., None], dtype=np.float32)

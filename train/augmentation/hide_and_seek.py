"""Hide-and-Seek: random cells of what the network sees are hidden (Singh et al. 2018, arXiv 1811.02545).

A network that always sees the whole face comes to rest on the one place that tells most in its training images. With
cells hidden at random, in both classes, it must find the other places too, and a hidden cell is no sign of a fake.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.contract import IMAGENET_MEAN

CELL = 29
"""Pixels of a cell's side: a ninth of 260, as fine as the features of the last stage."""
MOST_HIDDEN = 0.3
"""Share of the cells that are hidden at most; how many is drawn for each picture."""
FILL = np.rint(255 * np.asarray(IMAGENET_MEAN)).astype(np.uint8)
"""The data's mean colour, so that the means of the activations stay near what they are without."""


def hide_and_seek(
    pixels: npt.NDArray[np.uint8], share: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """``uint8[height, width, 3]`` as it is or, with probability ``share``, a copy with hidden cells.

    The grid begins anywhere, since the contours of a fixed one would become part of what is learnt.
    """
    if not share or rng.random() >= share:
        return pixels
    height, width = pixels.shape[:2]
    top, left = rng.integers(0, CELL, size=2)
    rows, columns = (np.arange(height) + top) // CELL, (np.arange(width) + left) // CELL
    chosen = rng.random((rows[-1] + 1, columns[-1] + 1)) < rng.uniform(0, MOST_HIDDEN)
    return np.where(chosen[rows][:, columns, None], FILL, pixels)

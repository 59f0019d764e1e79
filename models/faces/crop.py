"""The square of a picture that is judged for one face. numpy and onnxruntime have no part in it."""

from __future__ import annotations

import math

from PIL import Image

Box = tuple[float, float, float, float]
Region = tuple[int, int, int, int]

MIN_SIDE = 48
"""Pixels of a face's longer side below which its crop says nothing: the network sees 260."""


def face_region(
    box: Box, picture: tuple[int, int], *, margin: float, shift: tuple[float, float] = (0, 0)
) -> Region:
    """The square around a face, in whole pixels: left, top, right, bottom, the last two exclusive.

    ``box`` is left, top, width, height; ``picture`` is width, height. The square has ``margin`` times the box's longer
    side and its centre, moved by ``shift`` of that side to the right and down; outwards to whole pixels, moved into
    the picture, and where it does not fit, as large as the picture's shorter side. Raises ``ValueError`` for a
    box without a finite size or a picture without pixels.
    """
    left, top, width, height = box
    side = margin * max(width, height)
    x, y = left + width / 2 + shift[0] * side, top + height / 2 + shift[1] * side
    if not (0 < side < math.inf and math.isfinite(x) and math.isfinite(y) and min(picture) > 0):
        raise ValueError(f"no square around {box} with margin {margin} in a picture of {picture} pixels")
    largest = min(picture)
    half = min(side, largest) / 2
    first_x, first_y = math.floor(x - half), math.floor(y - half)
    pixels = min(max(math.ceil(x + half) - first_x, math.ceil(y + half) - first_y), largest)
    first_x = min(max(first_x, 0), picture[0] - pixels)
    first_y = min(max(first_y, 0), picture[1] - pixels)
    return first_x, first_y, first_x + pixels, first_y + pixels


def crop_face(rgb: Image.Image, region: Region) -> Image.Image:
    """The pixels of a region, unresized. ``models.preprocessing.to_input`` takes them to the network's size."""
    return rgb.crop(region)

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.faces.crop import Box, crop_face, face_region

# Eighths and quarters are exact in floating point, so that moving a box moves nothing else.
places = st.integers(-4000, 24_000).map(lambda eighths: eighths / 8)
sizes = st.integers(1, 16_000).map(lambda eighths: eighths / 8)
boxes = st.tuples(places, places, sizes, sizes)
pictures = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
margins = st.integers(1, 16).map(lambda quarters: quarters / 4)
shifts = st.tuples(*[st.sampled_from((-0.25, 0.0, 0.125))] * 2)


@given(boxes, pictures, margins, shifts)
def test_a_region_is_a_square_inside_the_picture(
    box: Box, picture: tuple[int, int], margin: float, shift: tuple[float, float]
) -> None:
    left, top, right, bottom = face_region(box, picture, margin=margin, shift=shift)
    assert all(type(edge) is int for edge in (left, top, right, bottom))
    assert 0 <= left < right <= picture[0] and 0 <= top < bottom <= picture[1]
    assert right - left == bottom - top
    side = margin * max(box[2:])
    assert min(side, *picture) <= right - left < side + 2
    assert face_region(box, picture, margin=margin, shift=shift) == (left, top, right, bottom)


@given(boxes, pictures, margins.filter(lambda margin: margin >= 1))
def test_a_region_holds_what_the_picture_has_of_the_box(
    box: Box, picture: tuple[int, int], margin: float
) -> None:
    region = face_region(box, picture, margin=margin)
    if region[2] - region[0] == min(picture):
        return  # shrunk: it cannot hold all
    for axis in (0, 1):
        start, end = max(box[axis], 0), min(box[axis] + box[axis + 2], picture[axis])
        if start < end:
            assert region[axis] <= start and end <= region[axis + 2]


@given(boxes, margins, shifts, st.integers(-300, 300), st.integers(-300, 300))
def test_a_region_moves_with_its_face_away_from_the_borders(
    box: Box, margin: float, shift: tuple[float, float], x: int, y: int
) -> None:
    picture, clear = (80_000, 70_000), 25_000
    here = (box[0] + clear, box[1] + clear, *box[2:])
    there = (here[0] + x, here[1] + y, *box[2:])
    left, top, right, bottom = face_region(here, picture, margin=margin, shift=shift)
    assert face_region(there, picture, margin=margin, shift=shift) == (
        left + x,
        top + y,
        right + x,
        bottom + y,
    )


@pytest.mark.parametrize(
    ("box", "margin", "shift", "region"),
    [
        ((40, 30, 20, 40), 1.0, (0, 0), (30, 30, 70, 70)),
        ((40, 30, 20, 40), 1.5, (0, 0), (20, 20, 80, 80)),
        ((40, 30, 20, 40), 1.0, (0.25, -0.5), (40, 10, 80, 50)),
        ((40.5, 30, 20, 40), 1.0, (0, 0), (30, 30, 71, 71)),
        ((-10, -10, 40, 40), 1.5, (0, 0), (0, 0, 60, 60)),
        ((170, 70, 40, 40), 1.0, (0, 0), (160, 60, 200, 100)),
        ((50, 10, 80, 80), 2.0, (0, 0), (40, 0, 140, 100)),
        ((500, 500, 1, 1), 1.0, (0, 0), (199, 99, 200, 100)),
    ],
    ids=["tight", "wide", "moved", "half-pixel", "corner", "outside", "shrunk", "elsewhere"],
)
def test_regions_in_a_picture_of_200_by_100(
    box: Box, margin: float, shift: tuple[float, float], region: tuple[int, int, int, int]
) -> None:
    assert face_region(box, (200, 100), margin=margin, shift=shift) == region


@pytest.mark.parametrize(
    ("box", "picture", "margin"),
    [
        ((0, 0, 0, 0), (9, 9), 1.0),
        ((0, 0, -1, -5), (9, 9), 1.0),
        ((0, 0, math.inf, 5), (9, 9), 1.0),
        ((math.nan, 0, 5, 5), (9, 9), 1.0),
        ((0, 0, 5, 5), (9, 9), 0.0),
        ((0, 0, 5, 5), (0, 9), 1.0),
    ],
)
def test_what_has_no_square_is_refused(box: Box, picture: tuple[int, int], margin: float) -> None:
    with pytest.raises(ValueError, match="no square around"):
        face_region(box, picture, margin=margin)


def test_a_crop_is_the_region_untouched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    crop = crop_face(Image.fromarray(pixels), (10, 5, 30, 25))
    assert np.array_equal(np.asarray(crop), pixels[5:25, 10:30])


def test_the_geometry_loads_no_runtime() -> None:
    code = (
        "import sys, models.faces.crop, models.faces.face; print({'onnxruntime', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

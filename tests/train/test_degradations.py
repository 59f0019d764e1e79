"""Each degradation keeps size and mode, and does what its name says."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PIL import Image

from train.augmentation import degradations as d


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    coarse = Image.fromarray(np.random.default_rng(1).integers(40, 216, (9, 7, 3), dtype=np.uint8))
    return coarse.resize((70, 90), Image.Resampling.BICUBIC)


STEPS = {
    "jpeg": partial(d.jpeg, quality=40),
    "shrink": partial(d.shrink, factor=0.3),
    "blur": partial(d.blur, sigma=1.5),
    "noise": partial(d.noise, sigma=4),
    "grey": d.grey,
    "saturation": partial(d.saturation, factor=0.3),
    "colour_cast": partial(d.colour_cast, gains=(1.1, 1.0, 0.9)),
    "exposure": partial(d.exposure, stops=0.5),
    "crop_margin": partial(d.crop_margin, margins=(0.1, 0.0, 0.05, 0.1)),
    "cutout": partial(d.cutout, share=0.3),
    "flip": d.flip,
}


def values(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, dtype=float)


@pytest.mark.parametrize("name", STEPS)
def test_size_and_mode_stay_and_the_original_is_untouched(name: str, picture: Image.Image) -> None:
    before = picture.tobytes()
    changed = STEPS[name](picture, np.random.default_rng(0))
    assert (changed.size, changed.mode) == (picture.size, "RGB")
    assert changed.tobytes() != before == picture.tobytes()
    assert changed.tobytes() == STEPS[name](picture, np.random.default_rng(0)).tobytes()


@pytest.mark.parametrize("name", STEPS)
def test_one_pixel_is_enough(name: str) -> None:
    assert STEPS[name](Image.new("RGB", (1, 1), (10, 20, 30)), np.random.default_rng(0)).size == (1, 1)


def test_saturation_zero_is_grey_and_one_is_the_picture(picture: Image.Image) -> None:
    grey = values(d.saturation(picture, np.random.default_rng(0), factor=0))
    assert (grey.max(axis=2) == grey.min(axis=2)).all()
    assert d.saturation(picture, np.random.default_rng(0), factor=1).tobytes() == picture.tobytes()


def test_exposure_doubles_linear_light_per_stop() -> None:
    grey = Image.new("RGB", (4, 4), (100, 100, 100))
    brighter = values(d.exposure(grey, np.random.default_rng(0), stops=1))[0, 0, 0]
    assert (brighter / 255) ** 2.2 == pytest.approx(2 * (100 / 255) ** 2.2, rel=0.02)


def test_a_cast_scales_each_channel() -> None:
    grey = Image.new("RGB", (4, 4), (100, 100, 100))
    cast = values(d.colour_cast(grey, np.random.default_rng(0), gains=(1.2, 1.0, 0.8)))
    assert cast[0, 0].tolist() == [120, 100, 80]


def test_crop_keeps_what_is_inside() -> None:
    halves = Image.new("RGB", (100, 100), "black")
    halves.paste((255, 255, 255), (50, 0, 100, 100))
    kept = values(d.crop_margin(halves, np.random.default_rng(0), margins=(0.5, 0, 0, 0)))
    assert kept[:, 2:].min() == 255  # the edge itself is interpolated


def test_cutout_covers_its_share_with_the_mean(picture: Image.Image) -> None:
    black = Image.new("RGB", (100, 60), "black")
    black.paste((200, 0, 0), (0, 0, 10, 60))
    covered = values(d.cutout(black, np.random.default_rng(3), share=0.5))
    mean = values(black).reshape(-1, 3).mean(axis=0).round()
    assert (covered == mean).all(axis=2).sum() == 50 * 30

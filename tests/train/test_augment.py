from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.preprocessing import to_input
from train.augmentation.augment import augment, training_view
from train.recipes import SCRATCH, TWO_PHASE, Phase, View

PLAIN = replace(TWO_PHASE, color_jitter=0.0, flip=False)


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(60, 190, (300, 400, 3), np.uint8))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_draws_give_the_same_picture(picture: Image.Image) -> None:
    one, two = (np.asarray(augment(picture, SCRATCH, rng())) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (np.asarray(augment(picture, SCRATCH, rng(2))) != one).any()


def test_the_native_size_is_kept_and_the_picture_untouched(picture: Image.Image) -> None:
    before = picture.tobytes()
    assert augment(picture, SCRATCH, rng()).size == (400, 300)
    assert picture.tobytes() == before


def test_jitter_stays_within_its_factors() -> None:
    """On plain grey only brightness shows: contrast and saturation leave it as it is."""
    grey = Image.new("RGB", (16, 16), (100, 100, 100))
    values = [augment(grey, TWO_PHASE, rng(seed)).getpixel((3, 3))[0] for seed in range(300)]  # type: ignore[index]
    assert min(values) >= 79 and max(values) <= 121
    assert min(values) < 83 and max(values) > 117


@pytest.mark.slow
def test_saturation_and_contrast_are_changed_too(picture: Image.Image) -> None:
    def spread(image: Image.Image) -> float:
        return float(np.asarray(image).astype(float).std())

    def colour(image: Image.Image) -> float:
        return float(np.asarray(image).astype(float).std(axis=2).mean())

    changed = [augment(picture, TWO_PHASE, rng(seed)) for seed in range(40)]
    for measure in (spread, colour):
        ratios = [measure(image) / measure(picture) for image in changed]
        assert min(ratios) < 0.93 and max(ratios) > 1.07


def test_without_jitter_and_flip_nothing_changes(picture: Image.Image) -> None:
    np.testing.assert_array_equal(np.asarray(augment(picture, PLAIN, rng())), np.asarray(picture))


def test_half_of_the_pictures_are_flipped(picture: Image.Image) -> None:
    recipe = replace(PLAIN, flip=True)
    pixels = np.asarray(picture)
    flipped = 0
    for seed in range(100):
        now = np.asarray(augment(picture, recipe, rng(seed)))
        flipped += bool((now == pixels[:, ::-1]).all())
        assert (now == pixels).all() or (now == pixels[:, ::-1]).all()
    assert 30 < flipped < 70


def test_the_last_stage_sees_the_laws_output(picture: Image.Image) -> None:
    for view in View:
        seen = training_view(picture, Phase("260", 1, 1.0, view=view), rng())
        np.testing.assert_array_equal(seen, to_input(picture))


def test_a_small_view_shrinks_the_whole(picture: Image.Image) -> None:
    seen = training_view(picture, Phase("96", 1, 1.0, size=96), rng())
    np.testing.assert_array_equal(seen, np.asarray(picture.resize((96, 96), Image.Resampling.BILINEAR)))


@pytest.mark.slow
def test_a_crop_is_a_square_of_the_laws_output(picture: Image.Image) -> None:
    phase = Phase("96", 1, 1.0, size=96, view=View.CROP)
    whole, seen = to_input(picture), set()
    for seed in range(4):
        crop = training_view(picture, phase, rng(seed))
        assert crop.shape == (96, 96, 3) and crop.dtype == np.uint8 and crop.flags.c_contiguous
        windows = np.lib.stride_tricks.sliding_window_view(whole, (96, 96, 3))[:, :, 0]
        places = np.argwhere((windows == crop).all(axis=(2, 3, 4)))
        assert len(places) == 1
        seen.add(tuple(places[0]))
    assert len(seen) == 4


def test_crops_reach_every_edge(picture: Image.Image) -> None:
    phase = Phase("259", 1, 1.0, size=259, view=View.CROP)
    whole = to_input(picture)
    corners = {training_view(picture, phase, rng(seed)).tobytes() for seed in range(40)}
    assert corners == {
        np.ascontiguousarray(whole[y : y + 259, x : x + 259]).tobytes() for y in (0, 1) for x in (0, 1)
    }

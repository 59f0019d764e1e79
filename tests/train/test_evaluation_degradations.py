"""Each step of the grid does what its name says, and the same to the same picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from train.evaluation.robustness_grid import GRID, Degradation


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 30, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((150, 120), Image.Resampling.BICUBIC), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8))


def named(name: str) -> Degradation:
    return next(one for one in GRID if one.name == name)


def moved(name: str, picture: Image.Image) -> float:
    """Mean absolute change of a pixel."""
    after = named(name).apply(picture, np.random.default_rng(0))
    return float(np.abs(np.asarray(after, dtype=float) - np.asarray(picture, dtype=float)).mean())


def test_the_grid_is_the_protocols() -> None:
    assert [one.name for one in GRID] == [
        "JPEG q95", "JPEG q75", "JPEG q50", "JPEG q30", "resize ×0.75", "resize ×0.5", "resize ×0.25",
        "blur σ 1", "blur σ 2", "noise σ 5/255", "noise σ 10/255", "grey",
    ]  # fmt: skip


@pytest.mark.parametrize("degradation", GRID, ids=[one.name for one in GRID])
def test_a_step_keeps_size_and_mode_and_repeats_itself(
    degradation: Degradation, picture: Image.Image
) -> None:
    before = picture.tobytes()
    first, again = (degradation.apply(picture, np.random.default_rng(7)) for _ in range(2))
    assert (first.size, first.mode) == (picture.size, "RGB")
    assert first.tobytes() == again.tobytes() != before
    assert picture.tobytes() == before


def test_stronger_steps_change_more(picture: Image.Image) -> None:
    for family in (
        ("JPEG q95", "JPEG q75", "JPEG q50", "JPEG q30"),
        ("resize ×0.75", "resize ×0.5", "resize ×0.25"),
        ("blur σ 1", "blur σ 2"),
        ("noise σ 5/255", "noise σ 10/255"),
    ):
        changes = [moved(name, picture) for name in family]
        assert changes == sorted(changes) and changes[0] > 0


def test_noise_has_the_deviation_that_it_names() -> None:
    flat = Image.new("RGB", (200, 200), (128, 128, 128))
    noisy = np.asarray(named("noise σ 10/255").apply(flat, np.random.default_rng(1)), dtype=float)
    assert noisy.std() == pytest.approx(10.0, rel=0.02)


def test_grey_has_three_equal_channels(picture: Image.Image) -> None:
    red, green, blue = named("grey").apply(picture, np.random.default_rng(0)).split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()

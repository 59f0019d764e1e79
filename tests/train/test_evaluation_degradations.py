"""Each step of the grid does what its name says, and the same to the same picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from portraits import on_grey

from models.contract import InputSpec
from models.preprocessing.laws import law_of
from train.augmentation.degradations import jpeg_in_full, messenger
from train.augmentation.screen_photo import perspective, screen_photo
from train.evaluation.robustness_grid import FACE_GRID, GRID, Degradation, grid_of

FACES = InputSpec(2, 260, 1.2)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 30, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((150, 120), Image.Resampling.BICUBIC), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8))


def named(name: str) -> Degradation:
    return next(one for one in FACE_GRID if one.name == name)


def moved(name: str, picture: Image.Image) -> float:
    """Mean absolute change of a pixel."""
    after = named(name).apply(picture, np.random.default_rng(0))
    return float(np.abs(np.asarray(after, dtype=float) - np.asarray(picture, dtype=float)).mean())


def test_the_grid_is_the_protocols() -> None:
    assert [one.name for one in GRID] == [
        "JPEG q95", "JPEG q75", "JPEG q50", "JPEG q30", "resize ×0.75", "resize ×0.5", "resize ×0.25",
        "blur σ 1", "blur σ 2", "noise σ 5/255", "noise σ 10/255", "grey",
    ]  # fmt: skip
    added = ["margin ×0.75", "margin ×1.25", "position 10 %", "messenger", "screen"]
    assert [one.name for one in FACE_GRID] == [*(one.name for one in GRID), *added]


def test_conditions_of_faces_are_for_models_of_faces() -> None:
    assert grid_of(InputSpec()) is GRID and grid_of(FACES) is FACE_GRID
    with pytest.raises(ValueError, match="margin"):
        named("margin ×0.75").crops(Image.new("RGB", (60, 60)), InputSpec(), np.random.default_rng(0))


STEPS = (*GRID, named("messenger"), named("screen"))


@pytest.mark.parametrize("degradation", STEPS, ids=[one.name for one in STEPS])
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


def squares(name: str, picture: Image.Image, seed: int = 0) -> tuple[float, float, float]:
    """Side and centre of the one square, in pixels."""
    [crop] = named(name).crops(picture, FACES, np.random.default_rng(seed))
    left, top, right, bottom = crop.region
    assert (right - left) * picture.width == pytest.approx((bottom - top) * picture.height)
    width, height = picture.size
    return (right - left) * width, (left + right) / 2 * width, (top + bottom) / 2 * height


def test_margin_and_position_change_the_square_and_nothing_else() -> None:
    picture = on_grey(600, 500, ("hopper", 200, 200, 150))
    [crop] = law_of(FACES).of_picture(picture, FACES)
    side = (crop.region[2] - crop.region[0]) * picture.width
    centre = (
        (crop.region[0] + crop.region[2]) / 2 * picture.width,
        (crop.region[1] + crop.region[3]) / 2 * picture.height,
    )
    for name, factor in (("margin ×0.75", 0.75), ("margin ×1.25", 1.25)):
        other = squares(name, picture)
        assert other[0] == pytest.approx(factor * side, abs=2)
        assert other[1:] == pytest.approx(centre, abs=1.5)
    moves = set()
    for seed in range(20):
        other = squares("position 10 %", picture, seed)
        assert other[0] == pytest.approx(side, abs=1.5)
        moves.add(tuple(round(float(a - b) / side, 1) + 0.0 for a, b in zip(other[1:], centre, strict=True)))
    assert moves == {(-0.1, 0.0), (0.1, 0.0), (0.0, -0.1), (0.0, 0.1)}


def test_a_messenger_shrinks_large_pictures_and_only_saves_small_ones_anew(picture: Image.Image) -> None:
    rng = np.random.default_rng(0)
    assert messenger(picture, rng, longest=150, quality=75) == jpeg_in_full(picture, rng, quality=75)
    assert messenger(picture, rng, longest=100, quality=75).size == (100, 80)
    large = picture.resize((2000, 1600))
    assert named("messenger").apply(large, rng).size == (1600, 1280)
    assert jpeg_in_full(large, rng, quality=75).size == large.size


def test_the_cameras_view_maps_corner_to_corner() -> None:
    seen = [(3.0, 2.0), (97.0, 1.0), (99.0, 78.0), (1.0, 79.0)]
    a, b, c, d, e, f, g, h = perspective((100, 80), seen)
    for (x, y), point in zip(((0, 0), (100, 0), (100, 80), (0, 80)), seen, strict=True):
        depth = g * x + h * y + 1
        assert ((a * x + b * y + c) / depth, (d * x + e * y + f) / depth) == pytest.approx(point)


def test_a_screen_keeps_the_brightness_and_shows_bands_of_colour() -> None:
    flat = Image.new("RGB", (200, 160), (128, 128, 128))
    shot = np.asarray(screen_photo(flat, np.random.default_rng(4)), dtype=float)
    assert shot.mean() == pytest.approx(128, abs=1.5)
    other = np.asarray(screen_photo(flat, np.random.default_rng(5)), dtype=float)
    # Averaged over rows, noise is gone and the stripes' beat is left: red and blue are not at their height together.
    red, blue = (shot[..., channel].mean(axis=0) - shot[..., channel].mean() for channel in (0, 2))
    assert red.std() > 1 and np.corrcoef(red, blue)[0, 1] < 0.5
    assert np.abs(shot - other).mean() > 2

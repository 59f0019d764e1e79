"""Self-blending changes the middle of a face by little, leaves its frame alone, and repeats itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from train.augmentation.self_blend import MaskFamily, _outline, self_blend, shift_statistics, soft_mask


def face(width: int = 224, height: int = 224) -> Image.Image:
    coarse = Image.fromarray(np.random.default_rng(5).integers(0, 256, (14, 14, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def difference(first: Image.Image, second: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(first, dtype=float) - np.asarray(second, dtype=float)).mean(axis=2)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(224, 224), (256, 300), (37, 90), (8, 8)]))
def test_any_face_gives_a_picture_of_its_size(seed: int, size: tuple[int, int]) -> None:
    picture = face(*size)
    before = picture.tobytes()
    blended = self_blend(picture, np.random.default_rng(seed))
    assert (blended.size, blended.mode) == (picture.size, "RGB")
    assert blended.tobytes() == self_blend(picture, np.random.default_rng(seed)).tobytes()
    assert picture.tobytes() == before


def test_the_change_lies_in_the_face_and_differs_from_draw_to_draw() -> None:
    picture = face()
    blends = [self_blend(picture, np.random.default_rng(seed)) for seed in range(40)]
    assert len({blend.tobytes() for blend in blends}) == 40
    # Relative to the frame, which the mask does not reach: a shifted target changes frame and face alike.
    masks = np.stack([soft_mask((224, 224), np.random.default_rng(seed)) for seed in range(40)])
    assert masks.mean(axis=0)[90:150, 90:134].mean() > 0.3
    assert masks[:, 0].max() < 0.02 and masks[:, :, 0].max() < 0.02
    assert np.mean([difference(blend, picture)[60:170, 70:154].mean() for blend in blends]) > 3


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_a_mask_is_soft_and_within_its_range(seed: int) -> None:
    mask = soft_mask((160, 120), np.random.default_rng(seed))
    assert mask.shape == (120, 160) and mask.dtype == np.float32
    assert mask.min() >= 0 and 0 < mask.max() <= 1
    assert np.abs(np.diff(mask, axis=0)).max() < 0.35 and np.abs(np.diff(mask, axis=1)).max() < 0.35


@pytest.mark.parametrize("family", list(MaskFamily))
def test_each_family_covers_its_part(family: MaskFamily) -> None:
    mean = np.mean([_outline(family, np.random.default_rng(seed)) for seed in range(60)], axis=0) / 255
    upper, lower = mean[30:46, 38:58].mean(), mean[58:74, 38:58].mean()
    if family is MaskFamily.UPPER:
        assert upper > 0.6 > 0.2 > lower
    elif family is MaskFamily.LOWER:
        assert lower > 0.6 > 0.2 > upper
    else:
        assert min(upper, lower) > 0.6


def test_statistics_are_shifted_by_little() -> None:
    picture = face()
    changes = [
        difference(shift_statistics(picture, np.random.default_rng(s)), picture).mean() for s in range(20)
    ]
    assert min(changes) > 1 and max(changes) < 60

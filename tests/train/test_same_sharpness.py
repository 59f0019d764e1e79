from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from train.augmentation.same_sharpness import as_soft_as
from train.datasets.looks import sharpness


def noise(edge: int, grain: int = 1) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (edge // grain, edge // grain, 3), np.uint8)
    return Image.fromarray(small).resize((edge, edge), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("edge", "less"), [(60, 0.3), (60, 1.0), *((e, d) for e in (224, 600) for d in (0.3, 1, 2))]
)
@pytest.mark.parametrize("seed", range(4))
def test_the_sharper_picture_becomes_as_soft_and_no_softer(edge: int, less: float, seed: int) -> None:
    picture = noise(edge, grain=2)
    wanted = sharpness(picture) - less
    softened = as_soft_as(picture, wanted, np.random.default_rng(seed))
    assert softened.size == picture.size
    assert wanted - 0.4 < sharpness(softened) <= wanted


def test_by_a_blur_and_by_a_reduction() -> None:
    picture = noise(224, grain=2)
    wanted = sharpness(picture) - 2
    made = {as_soft_as(picture, wanted, np.random.default_rng(seed)).tobytes() for seed in range(8)}
    assert len(made) == 2


def test_a_softer_picture_stays_as_it_is() -> None:
    picture = noise(224, grain=8)
    assert as_soft_as(picture, sharpness(picture) + 0.01, np.random.default_rng(0)) is picture


def test_what_cannot_be_reached_is_come_near_to() -> None:
    picture = noise(224)
    softened = as_soft_as(picture, -20.0, np.random.default_rng(0))
    assert sharpness(softened) < sharpness(picture) - 3

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from train.augmentation.hide_and_seek import CELL, FILL, MOST_HIDDEN, hide_and_seek


def hidden(pixels: npt.NDArray[np.uint8], seed: int, share: float = 0.99) -> npt.NDArray[np.bool_]:
    """Where a picture without the fill's colour now has it."""
    return np.asarray((hide_and_seek(pixels, share, np.random.default_rng(seed)) == FILL).all(axis=-1))


@pytest.fixture
def picture() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 60, (160, 200, 3), np.uint8)


def test_what_is_not_hidden_stays_as_it_is(picture: npt.NDArray[np.uint8]) -> None:
    before = picture.copy()
    changed = hide_and_seek(picture, 0.99, np.random.default_rng(2))
    where = (changed == FILL).all(axis=-1)
    assert where.any()
    assert (changed[~where] == before[~where]).all()
    assert (picture == before).all() and changed.shape == picture.shape and changed.dtype == np.uint8


def test_without_a_share_nothing_is_drawn(picture: npt.NDArray[np.uint8]) -> None:
    """Or every run without it would see other pictures than the same command made before."""
    rng = np.random.default_rng(1)
    assert hide_and_seek(picture, 0.0, rng) is picture
    assert rng.random() == np.random.default_rng(1).random()


def test_the_share_of_pictures_and_of_cells(picture: npt.NDArray[np.uint8]) -> None:
    shares = np.array([hidden(picture, seed, share=0.3).mean() for seed in range(300)])
    assert 0.2 < (shares > 0).mean() < 0.35
    assert shares.max() < 2 * MOST_HIDDEN
    assert 0.1 < shares[shares > 0].mean() < 0.2, (
        "uniform between none and the most, so half of it on average"
    )


def test_cells_are_squares_of_a_grid_that_begins_anywhere(picture: npt.NDArray[np.uint8]) -> None:
    starts = set()
    for seed in range(40):
        where = hidden(picture, seed)
        edges = np.flatnonzero((where[1:] != where[:-1]).any(axis=1)) + 1
        assert len({int(edge) % CELL for edge in edges}) <= 1
        starts |= {int(edge) % CELL for edge in edges}
    assert len(starts) > 10

"""What training draws: enough clean pictures, every entry at work, repeatable."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from train.augmentation.random_degradations import LIST, STACKED, RandomDegradation, degrade


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    coarse = Image.fromarray(np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return coarse.resize((64, 64), Image.Resampling.BICUBIC)


def test_at_least_three_in_ten_stay_clean_and_a_draw_repeats_itself(picture: Image.Image) -> None:
    clean = 0
    for seed in range(400):
        changed = degrade(picture, np.random.default_rng(seed))
        assert changed.tobytes() == degrade(picture, np.random.default_rng(seed)).tobytes()
        assert (changed.size, changed.mode) == ((64, 64), "RGB")
        clean += changed.tobytes() == picture.tobytes()
    assert 0.3 <= STACKED[0] <= clean / 400 + 0.06
    assert sum(STACKED) == pytest.approx(1)


@pytest.mark.parametrize("entry", LIST, ids=[entry.name for entry in LIST])
def test_every_entry_changes_pictures_by_a_strength_of_its_own(
    entry: RandomDegradation, picture: Image.Image
) -> None:
    results = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        results.add(entry.draw(rng)(picture, rng).tobytes())
    assert picture.tobytes() not in results
    # Two draws of a strength may round to one quality or one size.
    assert len(results) == 1 if entry.name == "grey" else len(results) >= 9


def test_entries_are_drawn_by_their_weight(picture: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: Counter[str] = Counter()

    def noting(name: str) -> RandomDegradation:
        def draw(rng):
            drawn[name] += 1
            return lambda rgb, _: rgb

        weight = next(entry.weight for entry in LIST if entry.name == name)
        return RandomDegradation(name, weight, draw)

    monkeypatch.setattr(
        "train.augmentation.random_degradations.LIST", tuple(noting(entry.name) for entry in LIST)
    )
    for seed in range(2000):
        degrade(picture, np.random.default_rng(seed))
    assert set(drawn) == {entry.name for entry in LIST}
    assert drawn["JPEG 30–100"] > drawn["down-up-scale"] > drawn["grey"]
    assert sum(drawn.values()) == pytest.approx(2000 * (STACKED[1] + 2 * STACKED[2]), rel=0.05)

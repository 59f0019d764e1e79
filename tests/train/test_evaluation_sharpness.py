"""The rank correlation of sharpness and score among real pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from portraits import on_grey
from scipy.stats import spearmanr

from models.contract import InputSpec, Label
from train.datasets.tree import LabelledImage
from train.evaluation.scoring import ScoredImage
from train.evaluation.sharpness import LEAST_IMAGES, measure, sharpness, spearman


def saved(picture: Image.Image, path: Path, prob: float, label: Label, source: str) -> ScoredImage:
    picture.save(path)
    return ScoredImage(LabelledImage(path, path.name, label, source, path.stem), "ok", None, prob)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> list[ScoredImage]:
    """Real pictures of source a whose score rises with the blur, of b whose score is the same; fakes that are sharp."""
    folder = tmp_path_factory.mktemp("pictures")
    rough = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    found = []
    for number in range(LEAST_IMAGES + 2):
        soft = rough.filter(ImageFilter.GaussianBlur(0.3 * number))
        found += [
            saved(soft, folder / f"a{number}.png", number / 20, Label.REAL, "a"),
            saved(soft, folder / f"b{number}.png", 0.5, Label.REAL, "b"),
            saved(rough, folder / f"f{number}.png", number / 20, Label.FAKE, "a"),
        ]
    few = saved(rough, folder / "c.png", 0.1, Label.REAL, "c")
    gone = ScoredImage(LabelledImage(folder / "gone.png", "gone.png", Label.REAL, "a", "g"), "ok", None, 0.9)
    broken = ScoredImage(
        LabelledImage(folder / "x.png", "x.png", Label.REAL, "a", "x"), "error", "empty_file", None
    )
    return [*found, few, gone, broken]


def test_soft_reals_with_high_scores_are_seen_in_their_source_alone(scored: list[ScoredImage]) -> None:
    found = measure(scored, InputSpec(), resamples=50)
    assert list(found.by_source) == ["a", "b"]
    a, b = found.by_source["a"], found.by_source["b"]
    assert (a.images, a.value) == (LEAST_IMAGES + 2, pytest.approx(-1.0))
    assert (b.images, b.value, b.interval) == (LEAST_IMAGES + 2, None, None)
    overall = found.overall
    assert overall.images == 2 * (LEAST_IMAGES + 2) + 1
    assert overall.value is not None and overall.interval is not None
    assert -1 < overall.interval.low <= overall.value <= overall.interval.high < 0


def test_of_faces_the_square_counts_and_not_its_surroundings(tmp_path: Path) -> None:
    plain = on_grey(500, 400, ("hopper", 200, 150, 100))
    rough = Image.fromarray(np.random.default_rng(1).integers(0, 256, (400, 500, 3), np.uint8))
    rough.paste(plain.crop((100, 60, 400, 340)), (100, 60))
    images = [
        saved(picture, tmp_path / f"{number}.png", 0.1, Label.REAL, "a")
        for number, picture in enumerate((plain, rough))
    ]
    of_faces = [sharpness(one, InputSpec(2, 260, 1.2)) for one in images]
    whole = [sharpness(one, InputSpec()) for one in images]
    assert of_faces[0] == pytest.approx(of_faces[1], abs=0.2)
    assert None not in whole and whole[1] - whole[0] > 1  # type: ignore[operator]


def test_spearman_is_scipys_and_its_interval_is_the_groups() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=60).round(1)
    second = np.round(first + rng.normal(size=60), 1)
    alone = spearman(first, second, [None] * 60, resamples=300)
    assert alone.value == pytest.approx(spearmanr(first, second).statistic)
    # Ten copies of each image are no more evidence than one.
    copies = spearman(
        np.tile(first, 10), np.tile(second, 10), [str(i) for i in range(60)] * 10, resamples=300
    )
    assert alone.interval is not None and copies.interval is not None
    assert copies.interval.high - copies.interval.low == pytest.approx(
        alone.interval.high - alone.interval.low, rel=0.1
    )
    assert spearman(first[:5], second[:5], [None] * 5, resamples=10).value is None
    assert spearman(first, second, [None] * 60, resamples=0).interval is None

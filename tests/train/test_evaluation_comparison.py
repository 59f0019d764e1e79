"""The paired bootstrap: what both models share cancels out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.contract import Label
from train.datasets.tree import LabelledImage
from train.evaluation.comparison import compare
from train.evaluation.protocol import ChosenThreshold
from train.evaluation.scoring import ScoredImage

HALF = ChosenThreshold(0.5, "option")


def scores(probabilities: list[float | None]) -> list[ScoredImage]:
    images = [
        LabelledImage(Path(f"{i}"), f"{i}", Label(i % 2), None, f"g{i // 2}")
        for i in range(len(probabilities))
    ]
    return [
        ScoredImage(image, "ok" if p is not None else "error", None, p)
        for image, p in zip(images, probabilities, strict=True)
    ]


def noisy(strength: float, seed: int, count: int = 200) -> list[float]:
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    return np.clip(0.5 + strength * (truth - 0.5) + rng.normal(0, 0.2, count), 0, 1).round(6).tolist()


def test_a_model_against_itself_differs_by_exactly_nothing() -> None:
    own = scores(noisy(0.2, 1))
    result = compare(own, own, HALF, HALF, resamples=200)
    for one in result.figures.values():
        assert one.difference == 0.0
        assert one.interval is not None and (one.interval.low, one.interval.high) == (0.0, 0.0)
        assert not one.decided


def test_a_clearly_better_model_is_decided_and_the_sign_is_ours_minus_theirs() -> None:
    good, bad = scores(noisy(0.6, 1)), scores(noisy(0.05, 2))
    forward, backward = (
        compare(good, bad, HALF, HALF, resamples=300),
        compare(bad, good, HALF, HALF, resamples=300),
    )
    assert forward.figures["roc_auc"].decided and forward.figures["roc_auc"].difference > 0.2
    assert forward.figures["roc_auc"].interval.low > 0
    assert backward.figures["roc_auc"].difference == -forward.figures["roc_auc"].difference
    assert backward.figures["roc_auc"].interval.high == pytest.approx(
        -forward.figures["roc_auc"].interval.low
    )


def test_pairing_is_tighter_than_two_separate_intervals() -> None:
    base = np.array(noisy(0.2, 3))
    nearly = np.clip(base + np.random.default_rng(4).normal(0, 0.01, base.size), 0, 1)
    paired = compare(scores(base.tolist()), scores(nearly.tolist()), HALF, HALF, resamples=300).figures[
        "roc_auc"
    ]
    other = compare(scores(base.tolist()), scores(noisy(0.2, 5)), HALF, HALF, resamples=300).figures[
        "roc_auc"
    ]
    assert paired.interval.high - paired.interval.low < 0.3 * (other.interval.high - other.interval.low)


def test_images_without_both_scores_are_left_out_and_counted() -> None:
    ours, theirs = noisy(0.3, 1, 20), noisy(0.3, 2, 20)
    result = compare(scores([None, *ours[1:]]), scores([*theirs[:-1], None]), HALF, HALF, resamples=10)
    assert (result.images, result.left_out) == (18, 2)


def test_other_images_or_another_order_are_refused() -> None:
    own = scores(noisy(0.3, 1, 10))
    with pytest.raises(ValueError, match="same images"):
        compare(own, own[::-1], HALF, HALF, resamples=10)

"""The intervals: repeatable, as wide as the number of groups says, honest about undefined resamples."""

from __future__ import annotations

import numpy as np
import pytest

from train.evaluation import bootstrap as module
from train.evaluation.bootstrap import bootstrap, group_index, resample_weights


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = np.arange(80) % 2
    return labels, np.round(np.clip(0.3 * labels + 0.7 * rng.random(80), 0, 1), 6)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others(scores) -> None:
    labels, probs = scores
    groups = [None] * len(labels)
    first = bootstrap(labels, probs, 0.5, groups, resamples=200, seed=5)
    assert bootstrap(labels, probs, 0.5, groups, resamples=200, seed=5) == first
    assert bootstrap(labels, probs, 0.5, groups, resamples=200, seed=6) != first


def test_the_size_of_a_block_changes_nothing(scores, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, probs = scores
    groups = [str(i // 3) for i in range(len(labels))]
    whole = bootstrap(labels, probs, 0.5, groups, resamples=50, seed=1)
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 7 * len(labels))
    parts = bootstrap(labels, probs, 0.5, groups, resamples=50, seed=1)
    for name, interval in whole.items():
        assert interval is not None and parts[name] is not None
        assert (parts[name].low, parts[name].high) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_copies_within_a_group_do_not_narrow_the_interval(scores) -> None:
    labels, probs = scores
    alone = bootstrap(labels, probs, 0.5, [str(i) for i in range(80)], resamples=300, seed=2)["roc_auc"]
    nine = np.repeat(np.arange(80), 9)
    grouped = bootstrap(labels[nine], probs[nine], 0.5, [str(i) for i in nine], resamples=300, seed=2)[
        "roc_auc"
    ]
    naive = bootstrap(labels[nine], probs[nine], 0.5, [None] * len(nine), resamples=300, seed=2)["roc_auc"]
    assert alone is not None and grouped is not None and naive is not None
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=1e-12)
    # Taking the copies for independent images would claim a third of the width: the square root of nine.
    assert naive.high - naive.low < 0.5 * (alone.high - alone.low)


def test_an_interval_of_a_share_is_the_binomial_one() -> None:
    labels = np.zeros(400, dtype=int)
    probs = np.where(np.arange(400) < 40, 0.9, 0.1)
    fpr = bootstrap(labels, probs, 0.5, [None] * 400, resamples=2000, seed=0)["fpr"]
    assert fpr is not None
    half = 1.96 * (0.1 * 0.9 / 400) ** 0.5
    assert (fpr.low, fpr.high) == pytest.approx((0.1 - half, 0.1 + half), abs=0.006)


def test_resamples_that_cannot_give_a_figure_are_left_out_and_counted() -> None:
    labels, probs = np.array([0, 1]), np.array([0.2, 0.8])
    intervals = bootstrap(labels, probs, 0.5, ["a", "b"], resamples=400, seed=0)
    auc, accuracy = intervals["roc_auc"], intervals["accuracy"]
    assert auc is not None and accuracy is not None
    # Half of the draws of two from two take the same group twice.
    assert 150 < auc.undefined < 250
    assert (auc.low, auc.high) == (1.0, 1.0)
    assert accuracy.undefined == 0


def test_no_interval_without_groups_to_resample() -> None:
    labels, probs = np.array([0, 1, 1]), np.array([0.2, 0.8, 0.4])
    assert set(bootstrap(labels, probs, 0.5, ["a", "a", "a"], resamples=50).values()) == {None}
    assert set(bootstrap(labels, probs, 0.5, [None, None, None], resamples=0).values()) == {None}
    assert set(bootstrap(labels[:0], probs[:0], 0.5, [], resamples=50).values()) == {None}


def test_a_figure_that_no_resample_gives_has_no_interval() -> None:
    intervals = bootstrap(np.zeros(4, dtype=int), np.full(4, 0.1), 0.5, [None] * 4, resamples=20)
    assert intervals["roc_auc"] is None and intervals["precision"] is None
    assert intervals["fpr"] is not None


def test_groups_are_drawn_whole_and_as_many_as_there_are() -> None:
    index = group_index(["a", "b", "a", None, None])
    assert index.tolist() == [0, 1, 0, 2, 3]
    weights = np.concatenate(list(resample_weights(index, 30, seed=0)))
    assert weights.shape == (30, 5)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3, 4]].sum(axis=1) == 4).all()


def test_one_group_per_image_is_demanded() -> None:
    with pytest.raises(ValueError, match="groups"):
        bootstrap(np.array([0, 1]), np.array([0.1, 0.9]), 0.5, ["a"])

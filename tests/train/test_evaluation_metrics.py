"""The figures against hand-computed values, and the bootstrap's fast version against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from train.evaluation.metrics import (
    LOW_FPRS,
    PROB_FLOOR,
    TITLES,
    Confusion,
    Metrics,
    calibration_bins,
    compute_metrics,
    confusion,
    equal_error_rate,
    expected_calibration_error,
    roc_points,
    tpr_at_fpr,
)
from train.evaluation.weighted import prepare, weighted_metrics

# Three real images and three fakes; at 0.5 one real is flagged and one fake is missed.
LABELS = np.array([0, 0, 0, 1, 1, 1])
PROBS = np.array([0.1, 0.2, 0.6, 0.3, 0.7, 0.9])


def test_figures_of_six_images_by_hand() -> None:
    figures = compute_metrics(LABELS, PROBS, 0.5)
    assert figures.fpr == pytest.approx(1 / 3)
    assert figures.tpr == figures.recall == pytest.approx(2 / 3)
    assert figures.accuracy == figures.balanced_accuracy == pytest.approx(4 / 6)
    assert figures.precision == pytest.approx(2 / 3)
    assert figures.f1 == pytest.approx(2 / 3)
    # Of the nine pairs of a fake and a real image, only (0.3, 0.6) is in the wrong order.
    assert figures.roc_auc == pytest.approx(8 / 9)
    # Recall grows by a third at 0.9, 0.7 and 0.3, where the precision is 1, 1 and 3/4.
    assert figures.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert figures.tpr_at_fpr1 == figures.tpr_at_fpr5 == pytest.approx(2 / 3)
    # The curve runs level from (0, 2/3) to (1/3, 2/3), where fpr = 1 - tpr.
    assert figures.eer == pytest.approx(1 / 3)
    assert figures.brier == pytest.approx((0.01 + 0.04 + 0.36 + 0.49 + 0.09 + 0.01) / 6)
    surprise = [1 - 0.1, 1 - 0.2, 1 - 0.6, 0.3, 0.7, 0.9]
    assert figures.log_loss == pytest.approx(-sum(math.log(p) for p in surprise) / 6)


def test_titles_name_every_figure_in_order() -> None:
    assert list(TITLES) == list(compute_metrics(LABELS, PROBS, 0.5).as_dict())


def test_an_image_on_the_threshold_is_flagged() -> None:
    assert confusion(np.array([0, 1]), np.array([0.5, 0.5]), 0.5) == Confusion(tp=1, fp=1, tn=0, fn=0)
    assert confusion(LABELS, PROBS, 0.5) == Confusion(tp=2, fp=1, tn=2, fn=1)


@pytest.mark.parametrize(
    ("probs", "auc", "eer", "low"),
    [
        pytest.param([0.1, 0.2, 0.8, 0.9], 1.0, 0.0, 1.0, id="perfect"),
        pytest.param([0.8, 0.9, 0.1, 0.2], 0.0, 1.0, 0.0, id="inverted"),
        pytest.param([0.4, 0.4, 0.4, 0.4], 0.5, 0.5, 0.0, id="all tied"),
        pytest.param([0.1, 0.5, 0.5, 0.9], 0.875, 0.25, 0.5, id="one tie between the classes"),
    ],
)
def test_ranking_figures_of_extreme_orders(probs: list[float], auc: float, eer: float, low: float) -> None:
    figures = compute_metrics(np.array([0, 0, 1, 1]), np.array(probs), 0.5)
    assert figures.roc_auc == pytest.approx(auc)
    assert figures.eer == pytest.approx(eer)
    assert figures.tpr_at_fpr5 == low


def test_eer_is_interpolated_on_a_sloped_piece() -> None:
    # From (0, 0.5) straight to (0.5, 1): fpr = 1 - tpr halfway, at (0.25, 0.75).
    assert equal_error_rate(np.array([0, 0, 0.5, 1.0]), np.array([0, 0.5, 1.0, 1.0])) == pytest.approx(0.25)


def test_tpr_at_fpr_allows_exactly_the_limit_and_interpolates_nothing() -> None:
    labels = np.array([0] * 20 + [1] * 4)
    reals = np.linspace(0.0, 0.5, 20)
    # One fake above every real image, one between the highest and the second, two below that.
    probs = np.concatenate([reals, [0.9, 0.49, 0.45, 0.44]])
    fpr, tpr = roc_points(labels, probs)
    assert tpr_at_fpr(fpr, tpr, 0.05) == 0.5
    assert tpr_at_fpr(fpr, tpr, 0.0499) == 0.25
    assert tpr_at_fpr(fpr, tpr, 0.0) == 0.25


def test_ece_by_hand() -> None:
    # Bins of 1/15: two images at 0.02 (one fake), a real at 0.5, a fake at 1.0 (the last bin is closed).
    labels, probs = np.array([0, 1, 0, 1]), np.array([0.02, 0.02, 0.5, 1.0])
    assert calibration_bins(probs).tolist() == [0, 0, 7, 14]
    expected = 2 / 4 * abs(0.5 - 0.02) + 1 / 4 * abs(0 - 0.5) + 1 / 4 * 0
    assert expected_calibration_error(labels, probs) == pytest.approx(expected)


def test_bin_edges_belong_to_the_upper_bin() -> None:
    edges = np.arange(15) / 15
    assert calibration_bins(edges).tolist() == list(range(15))
    assert calibration_bins(np.nextafter(edges[1:], 0)).tolist() == list(range(14))


def test_a_certain_mistake_costs_no_more_than_the_printed_digits_can_tell() -> None:
    figures = compute_metrics(np.array([0, 1]), np.array([0.0, 0.0]), 0.5)
    assert figures.log_loss == pytest.approx((-math.log(1 - PROB_FLOOR) - math.log(PROB_FLOOR)) / 2)


@pytest.mark.parametrize(
    ("label", "undefined"),
    [
        (0, {"roc_auc", "average_precision", "eer", *LOW_FPRS, "tpr", "recall", "balanced_accuracy", "f1"}),
        (1, {"roc_auc", "average_precision", "eer", *LOW_FPRS, "fpr", "balanced_accuracy"}),
    ],
)
def test_one_class_leaves_none_where_a_figure_needs_both(label: int, undefined: set[str]) -> None:
    figures = compute_metrics(np.full(3, label), np.array([0.2, 0.6, 0.7]), 0.5).as_dict()
    assert {name for name, value in figures.items() if value is None} == undefined
    assert all(math.isfinite(value) for value in figures.values() if value is not None)


def test_precision_is_undefined_when_nothing_is_flagged_but_f1_is_zero() -> None:
    figures = compute_metrics(LABELS, PROBS, 0.95)
    assert figures.precision is None
    assert figures.f1 == 0.0


def test_no_images_give_no_figures() -> None:
    empty = np.array([], dtype=int)
    assert set(compute_metrics(empty, empty.astype(float), 0.5).as_dict().values()) == {None}
    assert confusion(empty, empty.astype(float), 0.5) == Confusion(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("labels", "probs"),
    [
        ([0, 1], [0.5]),
        ([0, 2], [0.5, 0.5]),
        ([0, 1], [0.5, 1.5]),
        ([0, 1], [0.5, float("nan")]),
        ([[0]], [[0.5]]),
    ],
)
def test_what_is_no_label_or_probability_is_refused(labels: list[int], probs: list[float]) -> None:
    with pytest.raises(ValueError):
        compute_metrics(np.array(labels), np.array(probs), 0.5)


def sklearn_weighted(labels, probs, weights, threshold) -> Metrics:
    """Every figure with scikit-learn's ``sample_weight`` where it has one; both classes must keep weight."""
    flagged = (probs >= threshold).astype(int)
    fpr, tpr, _ = sk.roc_curve(labels, probs, sample_weight=weights, drop_intermediate=False)
    prf = sk.precision_recall_fscore_support(
        labels, flagged, average="binary", sample_weight=weights, zero_division=np.nan
    )
    table = sk.confusion_matrix(labels, flagged, sample_weight=weights, labels=[0, 1])
    clipped = np.clip(probs, PROB_FLOOR, 1 - PROB_FLOOR)
    # The ECE has no counterpart in scikit-learn: repeat each image as often as its weight says.
    repeated = np.repeat(np.arange(len(labels)), weights.astype(int))
    return Metrics(
        roc_auc=sk.roc_auc_score(labels, probs, sample_weight=weights),
        average_precision=sk.average_precision_score(labels, probs, sample_weight=weights),
        eer=equal_error_rate(fpr, tpr),
        tpr_at_fpr1=tpr_at_fpr(fpr, tpr, 0.01),
        tpr_at_fpr5=tpr_at_fpr(fpr, tpr, 0.05),
        fpr=table[0, 1] / table[0].sum(),
        tpr=table[1, 1] / table[1].sum(),
        accuracy=sk.accuracy_score(labels, flagged, sample_weight=weights),
        balanced_accuracy=sk.balanced_accuracy_score(labels, flagged, sample_weight=weights),
        precision=prf[0],
        recall=prf[1],
        f1=0.0 if table[1, 1] == 0 else prf[2],
        ece=expected_calibration_error(labels[repeated], probs[repeated]),
        brier=sk.brier_score_loss(labels, probs, sample_weight=weights, pos_label=1),
        log_loss=sk.log_loss(labels, clipped, sample_weight=weights, labels=[0, 1]),
    )


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [1, 6])
@pytest.mark.parametrize("threshold", [0.5, 0.97])
def test_weighted_figures_equal_scikit_learn_with_sample_weights(decimals: int, threshold: float) -> None:
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 2, size=60)
    probs = np.round(np.clip(0.2 * labels + 0.8 * rng.random(60), 0, 1), decimals)
    weights = rng.poisson(1.0, size=(25, 60)).astype(float)
    block = weighted_metrics(prepare(labels, probs, threshold), weights)
    for row, weight in enumerate(weights):
        for name, value in sklearn_weighted(labels, probs, weight, threshold).as_dict().items():
            assert block[name][row] == pytest.approx(value, abs=1e-12, nan_ok=True), name


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=1, max_size=30), st.integers(0, 20)
)
def test_weighted_figures_with_weight_one_equal_the_plain_ones(
    images: list[tuple[int, int]], at: int
) -> None:
    labels, probs = np.array([label for label, _ in images]), np.array([score / 20 for _, score in images])
    plain = compute_metrics(labels, probs, at / 20).as_dict()
    block = weighted_metrics(prepare(labels, probs, at / 20), np.ones((1, len(images))))
    assert list(block.keys() - plain.keys()) == []
    for name, value in plain.items():
        assert block[name][0] == pytest.approx(math.nan if value is None else value, abs=1e-9, nan_ok=True), (
            name
        )


def test_a_resample_without_a_class_or_without_images_is_nan() -> None:
    weights = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=float)
    block = weighted_metrics(prepare(LABELS, PROBS, 0.5), weights)
    assert np.isnan(block["roc_auc"]).all() and np.isnan(block["f1"]).all()
    assert block["accuracy"][0] == pytest.approx(2 / 3)
    assert all(np.isnan(values[1]) for values in block.values())

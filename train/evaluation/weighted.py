"""The figures of :mod:`train.evaluation.metrics` for many sample weights at once, for the bootstrap.

scikit-learn sorts the scores anew for every weight vector and every figure: a thousand resamples of three
thousand images take minutes. Here they are sorted once, and a block of resamples is a few cumulative sums and
matrix products. The tests hold every figure against scikit-learn's. N is at least 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from train.evaluation.metrics import (
    ECE_BINS,
    LOW_FPRS,
    TITLES,
    Float64s,
    Ints,
    Labels,
    Probs,
    calibration_bins,
    checked,
    clip_probs,
)


@dataclass(frozen=True)
class Prepared:
    """What does not depend on the weights, for N images."""

    count: int
    order: Ints
    """Images by falling score, int[N]."""
    ties: Ints
    """Where each run of equal scores begins in that order, int[K]."""
    labels: Float64s
    """float[N], 1 = fake."""
    flagged: Float64s
    """float[N], 1 where ``prob_fake >= threshold``."""
    losses: Float64s
    """float[N, 2]: each image's squared error and its log-loss in nats."""
    gaps: Float64s
    """float[N, 15]: ``label - prob_fake`` in the column of the image's calibration bin."""

    @property
    def names(self) -> Sequence[str]:
        """The figures that :func:`weighted_metrics` gives."""
        return tuple(TITLES)


def prepare(labels: Labels, prob_fake: Probs, threshold: float | Float64s) -> Prepared:
    """Sort and bin int[N] labels and float[N] scores once. Raises ``ValueError`` as ``compute_metrics``."""
    y, p = checked(labels, prob_fake)
    order = np.argsort(-p, kind="stable")
    falling = p[order]
    first = np.ones(len(p), dtype=bool)
    first[1:] = falling[1:] != falling[:-1]
    gaps = np.zeros((len(p), ECE_BINS))
    gaps[np.arange(len(p)), calibration_bins(p)] = y - p
    clipped = clip_probs(p)
    losses = np.stack([(y - p) ** 2, -np.log(np.where(y == 1, clipped, 1.0 - clipped))], axis=1)
    return Prepared(
        count=len(p),
        order=order,
        ties=np.flatnonzero(first),
        labels=y.astype(np.float64),
        flagged=(p >= threshold).astype(np.float64),
        losses=losses,
        gaps=gaps,
    )


def weighted_metrics(data: Prepared, weights: Float64s) -> dict[str, Float64s]:
    """``weights`` float64[B, N] (whole numbers) → each figure as float64[B], NaN where it is undefined."""
    fakes, reals = weights @ data.labels, weights @ (1.0 - data.labels)
    tp, fp = weights @ (data.labels * data.flagged), weights @ ((1.0 - data.labels) * data.flagged)
    total = fakes + reals
    recall = _ratio(tp, fakes)
    fpr = _ratio(fp, reals)
    losses = weights @ data.losses
    values = _ranking(data, weights, fakes, reals)
    values |= {
        "fpr": fpr,
        "tpr": recall,
        "accuracy": _ratio(tp + reals - fp, total),
        "balanced_accuracy": (recall + 1.0 - fpr) / 2.0,
        "precision": _ratio(tp, tp + fp),
        "recall": recall,
        "f1": np.where(fakes > 0, _ratio(2.0 * tp, tp + fp + fakes), np.nan),
        "ece": _ratio(np.abs(weights @ data.gaps).sum(axis=1), total),
        "brier": _ratio(losses[:, 0], total),
        "log_loss": _ratio(losses[:, 1], total),
    }
    return values


def roc_curves(data: Prepared, weights: Float64s) -> Iterator[tuple[Float64s, Float64s]]:
    """(FPR, TPR), each float[K+1] and rising, of each row of ``weights`` float64[B, N]; NaN without a class."""
    above_fake, above_real = _above(data, weights)
    yield from zip(
        _ratio(above_real, above_real[:, -1:]), _ratio(above_fake, above_fake[:, -1:]), strict=True
    )


def _ranking(data: Prepared, weights: Float64s, fakes: Float64s, reals: Float64s) -> dict[str, Float64s]:
    """The figures of the ROC and precision-recall curves; a row of either without both classes is NaN."""
    above_fake, above_real = _above(data, weights)
    step_fake, step_real = np.diff(above_fake), np.diff(above_real)

    # Ties count half: the trapezium under each step of the curve.
    area = (step_real * (above_fake[:, 1:] + above_fake[:, :-1])).sum(axis=1) / 2.0
    precision = _ratio(above_fake[:, 1:], above_fake[:, 1:] + above_real[:, 1:])
    both = (fakes > 0) & (reals > 0)
    gain = np.where(step_fake > 0, step_fake * precision, 0.0).sum(axis=1)
    values = {
        "roc_auc": np.where(both, _ratio(area, fakes * reals), np.nan),
        "average_precision": np.where(both, _ratio(gain, fakes), np.nan),
        "eer": np.where(both, _equal_error_rate(above_fake, above_real, fakes, reals), np.nan),
    }
    for name, limit in LOW_FPRS.items():
        allowed = _ratio(above_real, reals[:, None]) <= limit
        last = np.maximum(allowed.sum(axis=1) - 1, 0)
        values[name] = np.where(both, _ratio(_take(above_fake, last), fakes), np.nan)
    return values


def _above(data: Prepared, weights: Float64s) -> tuple[Float64s, Float64s]:
    """(fakes, reals) at or above each distinct score, beginning with none: each float64[B, K+1]."""
    falling, labels = weights[:, data.order], data.labels[data.order]
    return _cumulative(falling * labels, data.ties), _cumulative(falling * (1.0 - labels), data.ties)


def _equal_error_rate(
    above_fake: Float64s, above_real: Float64s, fakes: Float64s, reals: Float64s
) -> Float64s:
    # fpr - (1 - tpr), times both class sizes: whole numbers, so that the crossing is found exactly.
    beyond = above_real * fakes[:, None] + above_fake * reals[:, None] - (fakes * reals)[:, None]
    after = np.maximum(np.argmax(beyond >= 0, axis=1), 1)
    start, end = _take(beyond, after - 1), _take(beyond, after)
    share = _ratio(-start, end - start)
    left, right = _take(above_real, after - 1), _take(above_real, after)
    return _ratio(left + share * (right - left), reals)


def _cumulative(values: Float64s, ties: Ints) -> Float64s:
    sums = np.add.reduceat(values, ties, axis=1).cumsum(axis=1)
    return np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)


def _take(values: Float64s, columns: Ints) -> Float64s:
    picked: Float64s = values[np.arange(len(values)), columns]
    return picked


def _ratio(above: Float64s, below: Float64s) -> Float64s:
    """``above / below``, NaN where ``below`` is 0."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    quotient: Float64s = np.divide(above, below, out=np.full(shape, np.nan), where=below > 0)
    return quotient

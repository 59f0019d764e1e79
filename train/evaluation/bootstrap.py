"""How sure the figures are: percentile bootstrap intervals that resample groups, not images.

Images of one original (a face and the fakes made from it, frames of one video) are not independent
evidence. Drawing whole groups keeps their likeness in the interval; drawing images would make it too narrow
(Davison and Hinkley 1997, *Bootstrap Methods and their Application*, section 3.8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from train.evaluation.metrics import Float64s, Ints, Labels, Probs
from train.evaluation.weighted import prepare, roc_curves, weighted_metrics

LEVEL = 0.95
DEFAULT_RESAMPLES = 1000

_CELLS_AT_ONCE = 1_000_000
"""Resamples × images in one block: 8 MB per intermediate array, whatever the size of the data."""


@dataclass(frozen=True)
class Interval:
    """The middle 95 % of a figure over the resamples."""

    low: float
    high: float
    undefined: int
    """Resamples that could not give the figure (a class missing, nothing flagged) and are left out."""


def bootstrap(
    labels: Labels,
    prob_fake: Probs,
    threshold: float | Float64s,
    groups: Sequence[str | None],
    *,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval | None]:
    """The interval of every figure of :class:`~train.evaluation.metrics.Metrics`, by its name.

    ``groups[i]`` is the group of image i; ``None`` is a group of its own. ``None`` instead of an interval: no
    resample gave the figure, there are fewer than two groups, or ``resamples`` is 0. The same seed and
    data give the same intervals.
    """
    prepared = prepare(labels, prob_fake, threshold)
    index = group_index(groups)
    if len(index) != prepared.count:
        raise ValueError(f"{len(index)} groups for {prepared.count} images")
    if resamples < 1 or len(np.unique(index)) < 2:
        return dict.fromkeys(prepared.names)
    blocks = [weighted_metrics(prepared, weights) for weights in resample_weights(index, resamples, seed)]
    return {name: interval(np.concatenate([block[name] for block in blocks])) for name in prepared.names}


def group_index(groups: Sequence[str | None]) -> Ints:
    """int[N]: the number of each image's group, in order of appearance."""
    numbers: dict[str | int, int] = {}
    keys = (i if group is None else group for i, group in enumerate(groups))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def resample_weights(index: Ints, resamples: int, seed: int) -> Iterator[Float64s]:
    """Yield blocks float64[B, N]: how often each image is in each of the resamples (whole numbers).

    As many groups as there are are drawn with replacement. The draws depend on the seed and the groups
    alone, so two models can be compared on the same resamples.
    """
    rng = np.random.default_rng(seed)
    groups = int(index.max()) + 1
    step = max(1, _CELLS_AT_ONCE // len(index))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        draws = (rng.integers(groups, size=groups) for _ in range(size))
        counts = np.stack([np.bincount(draw, minlength=groups) for draw in draws])
        yield counts[:, index].astype(np.float64)


def roc_band(
    labels: Labels,
    prob_fake: Probs,
    groups: Sequence[str | None],
    at: Float64s,
    *,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[Float64s, Float64s] | None:
    """The middle 95 % of the TPR at each FPR of ``at`` float[K], pointwise: (low, high), each float[K].

    ``None`` where :func:`bootstrap` gives no interval for the AUC.
    """
    index = group_index(groups)
    if resamples < 1 or len(np.unique(index)) < 2 or len(np.unique(labels)) < 2:
        return None
    prepared = prepare(labels, prob_fake, threshold=0.5)
    rows = []
    for weights in resample_weights(index, resamples, seed):
        for fpr, tpr in roc_curves(prepared, weights):
            rows.append(np.full(len(at), np.nan) if np.isnan(fpr[-1] + tpr[-1]) else joined(fpr, tpr, at))
    curves = np.stack(rows)
    if np.isnan(curves).all():
        return None
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.nanquantile(curves, [tail, 1.0 - tail], axis=0)
    return low, high


def joined(fpr: Float64s, tpr: Float64s, at: Float64s) -> Float64s:
    """The TPR at each FPR of ``at`` on the curve whose points straight lines join, as its AUC takes it.

    Where the curve rises straight up, its top.
    """
    left = np.searchsorted(fpr, at, side="right") - 1
    right = np.minimum(left + 1, len(fpr) - 1)
    run = fpr[right] - fpr[left]
    share = np.divide(at - fpr[left], run, out=np.zeros(len(at)), where=run > 0)
    found: Float64s = tpr[left] + share * (tpr[right] - tpr[left])
    return found


def interval(values: Float64s) -> Interval | None:
    """The middle 95 % of a figure's resamples float[B], NaN where undefined; ``None`` if all are."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(float(low), float(high), int(values.size - defined.size))

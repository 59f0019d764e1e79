"""Two models on the same images: the paired bootstrap of the difference.

Both are measured on the same resamples of the same groups, so what the images have in common cancels out; two
separate intervals that overlap say nothing about a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.contract import Label
from train.evaluation.bootstrap import Interval, group_index, interval, resample_weights
from train.evaluation.metrics import compute_metrics
from train.evaluation.protocol import ChosenThreshold
from train.evaluation.scoring import ScoredImage
from train.evaluation.weighted import prepare, weighted_metrics

FIGURES = ("roc_auc", "average_precision", "eer", "tpr_at_fpr5", "fpr", "tpr", "ece", "log_loss")


@dataclass(frozen=True)
class Difference:
    """One figure of both models; ``difference`` is ours minus theirs."""

    ours: float | None
    theirs: float | None
    difference: float | None
    interval: Interval | None

    @property
    def decided(self) -> bool:
        """Whether the interval excludes zero."""
        return self.interval is not None and (self.interval.low > 0 or self.interval.high < 0)


@dataclass(frozen=True)
class Comparison:
    """Every figure of the images that both models scored."""

    images: int
    left_out: int
    """Images without a score by one of the two."""
    figures: dict[str, Difference]


def compare(
    ours: Sequence[ScoredImage],
    theirs: Sequence[ScoredImage],
    our_threshold: ChosenThreshold,
    their_threshold: ChosenThreshold,
    *,
    resamples: int,
    seed: int = 0,
) -> Comparison:
    """Compare two models' scores of the same images, in the same order, each at its own threshold.

    Raises ``ValueError`` when the images are not the same.
    """
    if [one.image.relative for one in ours] != [one.image.relative for one in theirs]:
        raise ValueError("the two models were not given the same images in the same order")
    both = [
        (a, b)
        for a, b in zip(ours, theirs, strict=True)
        if a.prob_fake is not None and b.prob_fake is not None
    ]
    labels = np.array([int(a.image.label) for a, _ in both], dtype=np.int64)
    scores = [np.array([pair[side].prob_fake for pair in both], dtype=np.float64) for side in (0, 1)]
    thresholds = (our_threshold.of([a for a, _ in both]), their_threshold.of([b for _, b in both]))
    values = [
        compute_metrics(labels, score, threshold).as_dict()
        for score, threshold in zip(scores, thresholds, strict=True)
    ]
    samples: dict[str, list[np.ndarray[tuple[int], np.dtype[np.float64]]]] = {name: [] for name in FIGURES}
    index = group_index([a.image.group for a, _ in both])
    if resamples and both and set(labels.tolist()) == {int(Label.REAL), int(Label.FAKE)}:
        prepared = [prepare(labels, score, t) for score, t in zip(scores, thresholds, strict=True)]
        for weights in resample_weights(index, resamples, seed):
            first, second = (weighted_metrics(one, weights) for one in prepared)
            for name in FIGURES:
                samples[name].append(first[name] - second[name])
    figures = {}
    for name in FIGURES:
        mine, other = values[0][name], values[1][name]
        figures[name] = Difference(
            mine,
            other,
            None if mine is None or other is None else mine - other,
            interval(np.concatenate(samples[name])) if samples[name] else None,
        )
    return Comparison(len(both), len(ours) - len(both), figures)

"""What an evaluation measures: the threshold in force, all images together, and each source by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.contract import Label, ModelMetadata
from train.evaluation import held_out
from train.evaluation.bootstrap import DEFAULT_RESAMPLES, Interval, bootstrap, group_index
from train.evaluation.metrics import Confusion, Float64s, Ints, Metrics, compute_metrics, confusion
from train.evaluation.scoring import ScoredImage

if TYPE_CHECKING:
    from scanner import Policy


@dataclass(frozen=True)
class ChosenThreshold:
    """Flag an image when ``prob_fake >= value``; ``origin`` says who decided that."""

    value: float
    origin: str
    by_faces: tuple[float, ...] | None = None
    """Values for images of 1, 2, … scored faces, the last one for any more; ``None``: ``value`` for all."""

    def of(self, scored: Sequence[ScoredImage]) -> float | Float64s:
        """The threshold of those of the images that have a score: one for all, or float[N]."""
        if self.by_faces is None:
            return self.value
        policy = self._policy()
        of_each = [policy.threshold_of(one.faces) for one in scored if one.prob_fake is not None]
        return np.array(of_each, dtype=np.float64)

    def words(self) -> str:
        """As a scan's summary tells it."""
        return self._policy().words()

    def _policy(self) -> Policy:
        from scanner import Policy

        return Policy(self.value, self.value, self.origin, self.by_faces)

    def as_config(self) -> dict[str, Any]:
        """Plain values; without ``by_faces`` where there is one for all."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Slice:
    """One set of images and its figures."""

    name: str
    real: int
    """Scored images of the class; ``fake`` likewise."""
    fake: int
    groups: int
    """Independent originals among the scored images; an image without a group counts as one."""
    not_scored: dict[str, int]
    """How many images have no score, by error code."""
    metrics: Metrics
    intervals: dict[str, Interval | None]
    confusion: Confusion


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured on one split."""

    threshold: ChosenThreshold
    resamples: int
    seed: int
    overall: Slice
    by_source: dict[str, Slice]
    """In the order of the sources' names; empty when no image has a source."""
    held_out: held_out.HeldOut | None
    """False positives on sources that had no part in the threshold; ``None`` for fewer than two sources."""
    not_scored: tuple[ScoredImage, ...]
    labels: Ints
    """int[N] of the scored images, 1 = fake; for the plots."""
    prob_fake: Float64s
    """float[N], in the same order."""


def choose_threshold(asked: str | None, metadata: ModelMetadata) -> ChosenThreshold:
    """The threshold that a scan with ``--threshold asked`` would have.

    Raises :class:`models.support.errors.Failure` when the model has no such threshold, or it is no probability.
    """
    from scanner import Policy

    policy = Policy.for_model(metadata, asked)
    return ChosenThreshold(policy.threshold, policy.threshold_source, policy.by_faces)


def evaluate(
    scored: Sequence[ScoredImage],
    threshold: ChosenThreshold,
    *,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Measure all images and each source. Images without a score are counted, never scored as something."""
    sources = sorted({one.image.source for one in scored if one.image.source is not None})
    slices = {
        name: measure(
            name,
            [one for one in scored if one.image.source == name],
            threshold,
            resamples=resamples,
            seed=seed,
        )
        for name in sources
    }
    labels, prob_fake = _arrays(scored)
    return Evaluation(
        threshold=threshold,
        resamples=resamples,
        seed=seed,
        overall=measure("all", scored, threshold, resamples=resamples, seed=seed),
        by_source=slices,
        held_out=held_out.measure(scored, resamples=resamples, seed=seed),
        not_scored=tuple(one for one in scored if one.prob_fake is None),
        labels=labels,
        prob_fake=prob_fake,
    )


def measure(
    name: str, scored: Sequence[ScoredImage], threshold: ChosenThreshold, *, resamples: int, seed: int
) -> Slice:
    """The figures of one set of images, with their intervals."""
    labels, prob_fake = _arrays(scored)
    at = threshold.of(scored)
    reasons = Counter(one.error or one.status for one in scored if one.prob_fake is None)
    groups = [one.image.group for one in scored if one.prob_fake is not None]
    return Slice(
        name=name,
        real=int((labels == Label.REAL).sum()),
        fake=int((labels == Label.FAKE).sum()),
        groups=len(np.unique(group_index(groups))),
        not_scored=dict(sorted(reasons.items())),
        metrics=compute_metrics(labels, prob_fake, at),
        intervals=bootstrap(labels, prob_fake, at, groups, resamples=resamples, seed=seed),
        confusion=confusion(labels, prob_fake, at),
    )


def _arrays(scored: Sequence[ScoredImage]) -> tuple[Ints, Float64s]:
    labels = [int(one.image.label) for one in scored if one.prob_fake is not None]
    probs = [one.prob_fake for one in scored if one.prob_fake is not None]
    return np.array(labels, dtype=np.int64), np.array(probs, dtype=np.float64)

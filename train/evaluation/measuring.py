"""Scoring a tree as often as the protocol asks for, with one progress bar each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tqdm import tqdm

from train.datasets.tree import LabelledImage
from train.evaluation import comparison, robustness, sharpness, shortcuts
from train.evaluation.extras import Extras
from train.evaluation.protocol import ChosenThreshold
from train.evaluation.robustness_grid import grid_of
from train.evaluation.scoring import ScoredImage, score
from train.evaluation.subject import Subject

if TYPE_CHECKING:
    from scanner import Detector


@dataclass(frozen=True)
class Measuring:
    """The images and how they are scored."""

    images: Sequence[LabelledImage]
    workers: int | None
    batch_size: int | None
    resamples: int
    seed: int
    bar: bool

    def score(self, detector: Detector, title: str) -> list[ScoredImage]:
        """Every image by the scanner, in order."""
        results = score(self.images, detector, workers=self.workers, batch_size=self.batch_size)
        with self._bar(title, len(self.images)) as bar:
            scored = []
            for result in results:
                scored.append(result)
                bar.update()
        return scored

    def extras(
        self,
        detector: Detector,
        threshold: ChosenThreshold,
        scored: Sequence[ScoredImage],
        *,
        robustness: bool,
    ) -> Extras:
        """The shortcut probe, the real pictures' sharpness and, if asked for, the robustness grid."""
        probe = shortcuts.probe(self.images, seed=self.seed, workers=self.workers)
        sharp = sharpness.measure(
            scored, detector.spec, resamples=self.resamples, seed=self.seed, workers=self.workers
        )
        return Extras(self._robustness(detector, threshold, scored) if robustness else (), probe, sharp)

    def compared(
        self,
        extras: Extras,
        scored: Sequence[ScoredImage],
        threshold: ChosenThreshold,
        other: Detector,
        their_threshold: ChosenThreshold,
        subject: Subject,
    ) -> Extras:
        """``extras`` with the paired comparison against ``other``."""
        theirs = self.score(other, f"scoring by {other.path.name}")
        difference = comparison.compare(
            scored, theirs, threshold, their_threshold, resamples=self.resamples, seed=self.seed
        )
        return replace(extras, comparison=difference, other=subject)

    def _robustness(
        self, detector: Detector, threshold: ChosenThreshold, scored: Sequence[ScoredImage]
    ) -> tuple[robustness.Condition, ...]:
        clean = robustness.clean_condition(scored, threshold, resamples=self.resamples, seed=self.seed)
        grid = grid_of(detector.spec)
        with self._bar("robustness", len(grid) * len(self.images)) as bar:
            degraded = partial(
                robustness.score_degraded, self.images, detector, workers=self.workers, done=bar.update
            )
            rows = robustness.conditions(
                grid, degraded, scored, threshold, resamples=self.resamples, seed=self.seed
            )
            return (clean, *rows)

    def _bar(self, title: str, total: int) -> tqdm[None]:
        disable = None if self.bar else True
        return tqdm(
            total=total, unit="image", desc=title, file=sys.stderr, dynamic_ncols=True, disable=disable
        )

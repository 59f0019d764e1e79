"""The images of a source that a run has not seen, and what its model says of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from models.contract import Label
from models.support.atomic import replacing
from scanner import Detector
from train.datasets.joined_trees import Trees
from train.datasets.tree import LabelledImage
from train.evaluation import comparison, protocol, scoring
from train.evaluation.bootstrap import Interval
from train.evaluation.scores_csv import printed_path, scores_csv
from train.evaluation.scoring import ScoredImage

OWN, POOLED = "its own", "of all sources"


@dataclass(frozen=True)
class Unseen:
    """What is left out of a run, and what the run is measured on."""

    name: str
    sources: tuple[str, ...]
    kept: tuple[str, ...]
    """The sources that are trained on."""
    images: tuple[LabelledImage, ...]
    reals: str
    """Whose real pictures the fakes are held against."""


@dataclass(frozen=True)
class Measured:
    """A model on the images that it has not seen."""

    scored: tuple[ScoredImage, ...]
    threshold: protocol.ChosenThreshold
    auc: float
    interval: Interval | None
    real: int
    fake: int

    def cell(self) -> str:
        """For the table."""
        low_high = f" [{self.interval.low:.3f}, {self.interval.high:.3f}]" if self.interval else ""
        return f"{self.auc:.3f}{low_high}"


def unseen(trees: Trees, name: str, *, whole: bool) -> Unseen:
    """The sources called ``name`` or ``name-…``; ``whole``: their train images are measured on as well.

    Raises ``click.ClickException`` where there is nothing to measure, or an image has no source, so that nobody can
    say that it was left out.
    """
    trained, validation = trees.read("train"), trees.read("validation")
    sources = {image.source for image in (*trained, *validation)}
    if None in sources:
        raise click.ClickException(
            "some images have no source in the labels; give --labels with a source for each"
        )
    known = {source for source in sources if source is not None}
    out = {source for source in known if source == name or source.startswith(f"{name}-")}
    if not out:
        raise click.ClickException(
            f"--leave-out {name}: no such source; there are {', '.join(sorted(known))}"
        )
    own = [image for image in (*validation, *(trained if whole else ())) if image.source in out]
    fakes = [image for image in own if image.label is Label.FAKE]
    reals = [image for image in own if image.label is Label.REAL]
    if not fakes:
        raise click.ClickException(f"--leave-out {name}: it has no fakes to measure on")
    if not reals:
        others = [image for image in validation if image.label is Label.REAL]
        images, whose = [*others, *fakes], POOLED
    else:
        images, whose = [*reals, *fakes], OWN
    kept = {image.source for image in trained if image.source is not None} - out
    return Unseen(name, tuple(sorted(out)), tuple(sorted(kept)), tuple(images), whose)


def measured(run: Path, part: Unseen) -> Measured:
    """By the run's ``model.onnx``, or from its ``scores.csv`` where that is finished."""
    file = run / "scores.csv"
    detector = Detector.load(run / "model.onnx", "cpu")
    scored = read_scores(file, part.images) if file.is_file() else None
    if scored is None:
        scored = tuple(scoring.score(part.images, detector))
        with replacing(file) as aside:
            aside.write_text(scores_csv(scored), encoding="utf-8", newline="\n")
    threshold = protocol.choose_threshold(None, detector.metadata)
    figures = protocol.measure(part.name, scored, threshold, resamples=1000, seed=0)
    auc = figures.metrics.roc_auc
    if auc is None:
        raise click.ClickException(f"{file}: one class has no score, so there is no AUC")
    return Measured(scored, threshold, auc, figures.intervals["roc_auc"], figures.real, figures.fake)


def difference(ours: Measured, theirs: Measured) -> str:
    """Of the AUCs, paired on the same resamples."""
    both = comparison.compare(
        ours.scored, theirs.scored, ours.threshold, theirs.threshold, resamples=1000, seed=0
    )
    one = both.figures["roc_auc"]
    low_high = f" [{one.interval.low:+.3f}, {one.interval.high:+.3f}]" if one.interval else ""
    return "" if one.difference is None else f"{one.difference:+.3f}{low_high}"


def read_scores(file: Path, images: Sequence[LabelledImage]) -> tuple[ScoredImage, ...] | None:
    """``None`` where the file is of other images, such as without --whole-source."""
    with file.open(newline="", encoding="utf-8") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    blank = [ScoredImage(image, "error", None, None) for image in images]
    if [printed_path(one) for one in blank] != list(rows):
        return None
    return tuple(
        replace(
            one,
            status=row["status"],
            error=row["error"] or None,
            prob_fake=float(row["prob_fake"]) if row["prob_fake"] else None,
            faces=int(row["faces"] or 1),
        )
        for one, row in zip(blank, rows.values(), strict=True)
    )

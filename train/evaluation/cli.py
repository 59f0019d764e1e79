"""``scan-evaluate``: how good a model is on a labelled tree. It measures and never changes a model."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.support import terminal
from models.support.dependencies import require_extra
from models.support.errors import DataError, ExitCode, OutputError, run_command
from train.labels_option import labels_option

if TYPE_CHECKING:
    from train.datasets.tree import Survey

_DEFAULT_RESAMPLES = 1000
"""``bootstrap.DEFAULT_RESAMPLES``, whose module imports numpy: --help must not."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command's options, as Click hands them over."""

    data: Path
    out: Path
    model: Path | None
    split: str
    labels: Path | None
    threshold: str | None
    device: str
    batch_size: int | None
    workers: int | None
    resamples: int
    seed: int
    robustness: bool
    against: Path | None
    no_progress: bool


@click.command(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "auto_envvar_prefix": "SCAN_EVALUATE",
    }
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the report; made if its parent exists.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=None,
    show_default=False,
    help="Exported .onnx file, or the name of shipped weights. [default: the shipped weights]",
)
@click.option(
    "--split",
    type=click.Choice(["validation", "test", "train"]),
    default="validation",
    help="Part of the tree; a model has seen the images of train.",
)
@labels_option(columns="source, group")
@click.option(
    "--threshold",
    default=None,
    metavar="P|fpr1|fpr5",
    show_default=False,
    help="Flag an image when prob_fake >= P. [default: the model's]",
)
@click.option(
    "--device", default="auto", metavar="auto|cpu|openvino|cuda[:N]", help="Where to run the model."
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=None,
    show_default=False,
    help="Images per inference. [default: by device]",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=None,
    show_default=False,
    help="Decoding workers. [default: by cores]",
)
@click.option(
    "--bootstrap",
    "resamples",
    envvar="SCAN_EVALUATE_BOOTSTRAP",
    type=click.IntRange(0),
    default=_DEFAULT_RESAMPLES,
    help="Resamples for the 95 % intervals; 0 for none.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of the resamples.")
@click.option(
    "--robustness",
    is_flag=True,
    help="Measure again under each degradation (JPEG, resize, blur, noise, grey; of a model that judges faces also "
    "margin, position, messenger, screen): 12 or 17 times the work.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    default=None,
    show_default=False,
    help="Another exported model: the paired difference on the same images.",
)
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.version_option(package_name="deepfake-scanner")
def evaluate(**given: Any) -> int:
    """Measure a model on the labelled images in DATA/SPLIT/{Real,Fake}/….

    Where DATA has no folder SPLIT, --labels alone say which files are measured and what they are.

    The scanner scores them; OUT gets evaluation.json, evaluation.md (the table that is also printed),
    evaluation.html (one self-contained page), scores.csv (one row per image) and plots. Intervals resample
    whole groups of the labels. Images that cannot be scored are counted and listed, and are in no figure.
    """
    require_extra("evaluate", ("jinja2", "matplotlib", "scipy", "sklearn"), needed_by="scan-evaluate")
    from scanner import Detector
    from train.datasets.tree import find_manifest
    from train.evaluation import protocol, report, report_markdown
    from train.evaluation.measuring import Measuring
    from train.evaluation.subject import describe

    asked = Asked(**given)
    _check_out(asked.out)
    if asked.labels is not None and not asked.labels.is_file():
        raise DataError(f"--labels {asked.labels}: there is no such file")
    manifest = asked.labels or find_manifest(asked.data)
    split, survey = _survey(asked, manifest)
    detector = Detector.load(asked.model, asked.device)
    chosen = protocol.choose_threshold(asked.threshold, detector.metadata)
    # Both models are loaded before anything is scored: a wrong file must not cost an hour first.
    other = Detector.load(asked.against, asked.device) if asked.against is not None else None
    if detector.fallback is not None:
        terminal.say(f"note: scanning on the CPU: {detector.fallback}")
    _make_out(asked.out)
    measuring = Measuring(
        survey.images,
        workers=asked.workers,
        batch_size=asked.batch_size,
        resamples=asked.resamples,
        seed=asked.seed,
        bar=not asked.no_progress,
    )
    scored = measuring.score(detector, "scoring")
    evaluation = protocol.evaluate(scored, chosen, resamples=asked.resamples, seed=asked.seed)
    subject = describe(detector, asked.data, split, manifest)
    extras = measuring.extras(detector, chosen, scored, robustness=asked.robustness)
    extras = replace(extras, left_out=survey.counts_left_out(), join=survey.join)
    if other is not None:
        theirs = protocol.choose_threshold(asked.threshold, other.metadata)
        about = describe(other, asked.data, split, manifest)
        extras = measuring.compared(extras, scored, chosen, other, theirs, about)
    report.write_evaluation(asked.out, subject, evaluation, scored, extras)
    click.echo(report_markdown.as_markdown(subject, evaluation, extras), nl=False)
    return _close(asked.out, split, survey, len(evaluation.not_scored))


def main() -> None:
    """Entry point of the console script."""
    run_command(evaluate)


def _survey(asked: Asked, manifest: Path | None) -> tuple[str, Survey]:
    """What the images are called together, and which they are."""
    from train.datasets.listed import LISTED, is_tree, survey_listed
    from train.datasets.tree import survey_tree

    if asked.labels is None or not asked.data.is_dir() or is_tree(asked.data, asked.split):
        return asked.split, survey_tree(asked.data, asked.split, manifest=manifest)
    terminal.say(
        f"note: {asked.data} has no folder {asked.split!r}; measuring the files that {asked.labels} lists"
    )
    return LISTED, survey_listed(asked.data, asked.labels)


def _close(out: Path, split: str, survey: Survey, not_scored: int) -> int:
    """Say on stderr what a reader of the figures must know, and where they are."""
    images = len(survey.images)
    if split == "train":
        terminal.say("note: models are trained on this split; these figures say nothing about error rates")
    if survey.join is None:
        terminal.say("note: no manifest, so each image counts as independent and no source is told apart")
    else:
        for remark in survey.join.remarks(split):
            terminal.say(remark)
    if survey.left_out:
        reasons = ", ".join(f"{why} {number}" for why, number in survey.counts_left_out().items())
        terminal.say(f"note: {len(survey.left_out)} files are left out ({reasons})")
    if not_scored:
        terminal.say(f"warning: {not_scored} of {images} images COULD NOT BE SCORED; scores.csv lists them")
    terminal.say(f"{images - not_scored} images measured; report in {out}")
    if not_scored == images:
        raise DataError(
            f"none of the {images} images could be scored, so nothing was measured; see {out / 'scores.csv'}"
        )
    return int(ExitCode.OK)


def _check_out(out: Path) -> None:
    """Before anything is scored: a report that cannot be written must not cost an hour first."""
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is a file; name a folder")
    if not out.exists() and not out.parent.is_dir():
        raise OutputError(f"--out {out}: the folder {out.parent} does not exist; make it first")
    if not os.access(out if out.exists() else out.parent, os.W_OK | os.X_OK):
        raise OutputError(f"--out {out} cannot be written; choose a folder that is yours")


def _make_out(out: Path) -> None:
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"--out {out} cannot be made: {error.strerror}") from None

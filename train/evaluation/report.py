"""What an evaluation leaves behind: ``evaluation.json``, ``.md`` and ``.html``, ``scores.csv``, and plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.support.atomic import replacing
from models.support.errors import OutputError
from train.evaluation.bootstrap import roc_band
from train.evaluation.extras import NO_EXTRAS, Extras
from train.evaluation.protocol import Evaluation
from train.evaluation.report_html import Picture, as_html
from train.evaluation.report_json import as_json
from train.evaluation.report_markdown import as_markdown
from train.evaluation.scores_csv import scores_csv
from train.evaluation.scoring import ScoredImage
from train.evaluation.subject import Subject


def write_evaluation(
    folder: Path,
    subject: Subject,
    evaluation: Evaluation,
    scored: Sequence[ScoredImage],
    extras: Extras = NO_EXTRAS,
) -> list[Path]:
    """Write every file of the report into ``folder`` and return their paths, ``evaluation.json`` last.

    Each file appears whole or not at all. Raises :class:`OutputError`.
    """
    try:
        pictures = _plot(folder, subject, evaluation, scored, extras)
        texts = {
            folder / "scores.csv": scores_csv(scored),
            folder / "evaluation.md": as_markdown(subject, evaluation, extras),
            folder / "evaluation.html": as_html(subject, evaluation, extras, scored, pictures),
            folder / "evaluation.json": as_json(subject, evaluation, extras),
        }
        for path, text in texts.items():
            write_whole(path, text)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"the evaluation cannot be written into {folder}: {reason}") from None
    return [*(picture.file for picture in pictures), *texts]


def write_whole(path: Path, text: str) -> None:
    """As UTF-8. Raises :class:`OutputError`; ``path`` is then as it was."""
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def _plot(
    folder: Path, subject: Subject, evaluation: Evaluation, scored: Sequence[ScoredImage], extras: Extras
) -> list[Picture]:
    from train.evaluation import plots, protocol_plots

    y, p, threshold = evaluation.labels, evaluation.prob_fake, evaluation.threshold.value
    groups = [one.image.group for one in scored if one.prob_fake is not None]
    band = None
    if evaluation.resamples:
        band = roc_band(
            y, p, groups, plots.ROC_GRID, resamples=min(evaluation.resamples, 200), seed=evaluation.seed
        )
    title = subject.title
    # A plot has one axis of thresholds.
    at = " The threshold is that of one face." if evaluation.threshold.by_faces is not None else ""
    pictures = [
        Picture("ROC", f"Shaded: the pointwise 95 % interval over groups.{at}", folder / "roc.png"),
        Picture(
            "Reliability", "On the diagonal, prob_fake is the share of fakes.", folder / "reliability.png"
        ),
        Picture(
            "Scores by class", f"What lies right of the threshold is flagged.{at}", folder / "scores.png"
        ),
        Picture(
            "Verdicts at the threshold",
            f"Counts, and each as a share of its class.{at}",
            folder / "confusion.png",
        ),
        Picture(
            "Risk and coverage",
            f"If a person looks at the least certain images.{at}",
            folder / "risk_coverage.png",
        ),
    ]
    plots.plot_roc(y, p, pictures[0].file, title=title, threshold=threshold, band=band)
    plots.plot_reliability(y, p, pictures[1].file, title=title)
    plots.plot_score_histograms(y, p, pictures[2].file, title=title, threshold=threshold)
    plots.plot_confusion(y, p, pictures[3].file, title=title, threshold=threshold)
    protocol_plots.plot_risk_coverage(y, p, pictures[4].file, title=title, threshold=threshold)
    if extras.robustness:
        note = "Bars with 95 % intervals; the dashed line is the clean figure."
        pictures.append(Picture("Robustness", note, folder / "robustness.png"))
        protocol_plots.plot_robustness(extras.robustness, pictures[5].file, title=title)
    return pictures

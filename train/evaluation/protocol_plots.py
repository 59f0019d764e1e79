"""The plots of the protocol beyond one set of scores: robustness, and risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.contract import Label
from train.evaluation.metrics import Float64s, Labels, Probs, checked
from train.evaluation.plots import FAKE_COLOUR, LINE_COLOUR, REAL_COLOUR, new_figure, save, write_across
from train.evaluation.robustness import Condition


def plot_robustness(conditions: Sequence[Condition], path: Path, *, title: str) -> None:
    """AUC and FPR at the fixed threshold under each degradation, with intervals; the first row is the clean one."""
    figure = new_figure(9.0, 1.2 + 0.32 * len(conditions), title)
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(conditions))
    for axes, figure_name, colour, label in (
        (left, "roc_auc", LINE_COLOUR, "ROC-AUC"),
        (right, "fpr", REAL_COLOUR, "FPR at the fixed threshold"),
    ):
        values = [one.values[figure_name] for one in conditions]
        shown = [np.nan if value is None else value for value in values]
        axes.barh(places, shown, color=colour, alpha=0.55, height=0.7)
        for place, one in zip(places, conditions, strict=True):
            interval = one.intervals[figure_name]
            if interval is not None:
                axes.plot([interval.low, interval.high], [place, place], color="black", linewidth=1.5)
        if values and values[0] is not None:
            axes.axvline(values[0], color=FAKE_COLOUR, linestyle="--", linewidth=1)
        axes.set(xlabel=label, xlim=(0, 1))
        axes.grid(alpha=0.3, axis="x")
        axes.set_axisbelow(True)
    left.set_yticks(places, [one.name for one in conditions])
    left.invert_yaxis()
    save(figure, path)


def risk_coverage(labels: Labels, prob_fake: Probs, threshold: float) -> tuple[Float64s, Float64s]:
    """(coverage, risk), each float[N]: the share of wrong verdicts among the k most certain images, k = 1 … N.

    Certainty is the distance to the threshold, as a share of the way to 0 or to 1. Images of equal certainty
    share their mean error, so that their order does not matter.
    """
    y, p = checked(labels, prob_fake)
    flagged = p >= threshold
    with np.errstate(divide="ignore", invalid="ignore"):
        certainty = np.where(flagged, (p - threshold) / (1.0 - threshold), (threshold - p) / threshold)
    certainty = np.nan_to_num(certainty, nan=1.0)
    wrong = (flagged != (y == Label.FAKE)).astype(np.float64)
    values, group = np.unique(-certainty, return_inverse=True)
    means = np.bincount(group, weights=wrong, minlength=len(values)) / np.bincount(
        group, minlength=len(values)
    )
    counts = np.arange(1, len(y) + 1)
    return counts / max(1, len(y)), np.cumsum(means[np.sort(group)]) / counts


def plot_risk_coverage(labels: Labels, prob_fake: Probs, path: Path, *, title: str, threshold: float) -> None:
    """How many verdicts are wrong if only the most certain images are judged and a person looks at the rest."""
    figure = new_figure(6.4, 4.4, title)
    axes = figure.subplots()
    coverage, risk = risk_coverage(labels, prob_fake, threshold)
    if coverage.size:
        axes.plot(100 * coverage, 100 * risk, color=LINE_COLOUR)
        axes.set_ylim(bottom=0)
    else:
        write_across(axes, "no images")
    axes.set(
        xlabel="images judged, most certain first (%)",
        ylabel="wrong verdicts among them (%)",
        xlim=(0, 100),
    )
    axes.grid(alpha=0.3)
    save(figure, path)

"""Pictures of labelled scores as PNG: ROC, reliability, score histograms, confusion matrix.

All take ``labels`` int[N] (1 = fake), ``prob_fake`` float[N] in [0, 1], the file to write and a title. They
use matplotlib's objects, never pyplot: no display, no state shared between two plots. Where a class is
missing that a curve needs, the picture says so.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from sklearn.metrics import auc

from models.contract import UNCALIBRATED_THRESHOLD, Label
from models.support.atomic import replacing
from train.evaluation.metrics import (
    ECE_BINS,
    Float64s,
    Labels,
    Probs,
    calibration_bins,
    checked,
    confusion,
    equal_error_rate,
    expected_calibration_error,
    roc_points,
)

# Okabe and Ito's palette: told apart with every common kind of colour blindness.
REAL_COLOUR, FAKE_COLOUR, LINE_COLOUR = "#0072B2", "#D55E00", "#222222"
_COLOURS = {Label.REAL: REAL_COLOUR, Label.FAKE: FAKE_COLOUR}

_LOWEST_FPR = 1e-3
_DPI = 120


ROC_GRID = np.concatenate([np.linspace(0.0, 1.0, 201), np.geomspace(_LOWEST_FPR, 0.1, 60)])
ROC_GRID.sort()
"""FPRs at which a band of the ROC curve is computed: dense where the logarithmic plot looks."""


def plot_roc(
    labels: Labels,
    prob_fake: Probs,
    path: Path,
    *,
    title: str,
    threshold: float | None = None,
    band: tuple[Float64s, Float64s] | None = None,
) -> None:
    """The ROC curve, twice: linear, and with a logarithmic FPR axis, where low false alarm rates are legible.

    ``threshold`` marks its operating point; ``band`` is the interval of the TPR at each FPR of :data:`ROC_GRID`
    (:func:`train.evaluation.bootstrap.roc_band`).
    """
    y, p = checked(labels, prob_fake)
    figure = new_figure(9.0, 4.6, title)
    linear, low = figure.subplots(1, 2)
    for axes in (linear, low):
        axes.set(ylabel="TPR: share of fakes flagged", ylim=(-0.02, 1.02))
        axes.grid(alpha=0.3)
    linear.set(xlabel="FPR: share of real images flagged", xlim=(-0.02, 1.02), title="ROC curve")
    low.set(xlabel="FPR, logarithmic", xscale="log", xlim=(_LOWEST_FPR, 1.0), title="The same at low FPR")
    low.xaxis.set_major_locator(FixedLocator([0.001, 0.01, 0.05, 0.1, 1.0]))
    low.xaxis.set_minor_locator(NullLocator())
    low.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    reals, fakes = int((y == Label.REAL).sum()), int((y == Label.FAKE).sum())
    if not reals or not fakes:
        for axes in (linear, low):
            write_across(axes, f"needs both classes: {reals} real, {fakes} fake")
        return save(figure, path)
    fpr, tpr = roc_points(y, p)
    area, eer = float(auc(fpr, tpr)), equal_error_rate(fpr, tpr)
    if band is not None:
        for axes in (linear, low):
            axes.fill_between(
                ROC_GRID, *band, color=LINE_COLOUR, alpha=0.15, linewidth=0, label="95 % interval"
            )
    linear.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="chance")
    linear.plot(fpr, tpr, color=LINE_COLOUR, label=f"AUC {area:.3f}")
    linear.plot(eer, 1 - eer, "s", color=REAL_COLOUR, label=f"EER {eer:.3f}")
    chance = np.geomspace(_LOWEST_FPR, 1.0, 100)
    low.plot(chance, chance, color="0.6", linestyle="--", linewidth=1)
    # A step: between two thresholds there is no other, and the logarithm would bend the joining line.
    low.plot(fpr, tpr, color=LINE_COLOUR, drawstyle="steps-post")
    if threshold is not None:
        flagged = p >= threshold
        at = (float(flagged[y == Label.REAL].mean()), float(flagged[y == Label.FAKE].mean()))
        linear.plot(*at, "o", color=FAKE_COLOUR, label=f"threshold {threshold:.3g}")
        # A point without any false alarm has no place on a logarithm: it sits on the edge.
        low.plot(max(at[0], _LOWEST_FPR), at[1], "o", color=FAKE_COLOUR, clip_on=False)
    linear.legend(loc="lower right")
    save(figure, path)


def plot_reliability(
    labels: Labels, prob_fake: Probs, path: Path, *, title: str, bins: int = ECE_BINS
) -> None:
    """Share of fakes against mean ``prob_fake`` in equal-width bins, and how many images each bin has."""
    y, p = checked(labels, prob_fake)
    figure = new_figure(5.6, 6.2, title)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    index = calibration_bins(p, bins)
    counts = np.bincount(index, minlength=bins)
    filled = counts > 0
    if filled.any():
        upper.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="perfectly calibrated")
        shares = np.bincount(index, weights=y, minlength=bins)[filled] / counts[filled]
        means = np.bincount(index, weights=p, minlength=bins)[filled] / counts[filled]
        # Wilson's interval (1927) of each share: a bin of three images must not look like a finding.
        low, high = _wilson(shares, counts[filled])
        ece = expected_calibration_error(y, p, bins)
        bars = np.maximum(np.stack([shares - low, high - shares]), 0.0)
        upper.errorbar(
            means,
            shares,
            yerr=bars,
            fmt="o-",
            color=LINE_COLOUR,
            ecolor="0.45",
            elinewidth=1,
            capsize=2,
            markersize=5,
            label=f"bins with 95 % Wilson interval; ECE {ece:.3f}",
        )
        upper.legend(loc="upper left")
    else:
        write_across(upper, "no images")
    upper.set(ylabel="share of fakes among the bin's images", xlim=(-0.02, 1.02), ylim=(-0.04, 1.04))
    upper.grid(alpha=0.3)
    lower.bar(np.arange(bins) / bins, counts, width=1 / bins, align="edge", color="0.55", edgecolor="white")
    lower.set(xlabel="prob_fake", ylabel="images")
    lower.grid(alpha=0.3, axis="y")
    lower.set_axisbelow(True)
    save(figure, path)


def plot_score_histograms(
    labels: Labels,
    prob_fake: Probs,
    path: Path,
    *,
    title: str,
    threshold: float | None = None,
    bins: int = 40,
) -> None:
    """How the scores of each class are spread, as shares of the class, so that unequal classes compare."""
    y, p = checked(labels, prob_fake)
    figure = new_figure(7.0, 4.4, title)
    axes = figure.subplots()
    edges = np.linspace(0.0, 1.0, bins + 1)
    for label in Label:
        scores = p[y == label]
        if not scores.size:
            axes.plot([], [], color=_COLOURS[label], label=f"{label.title} (no images)")
            continue
        shares = 100.0 * np.histogram(scores, edges)[0] / scores.size
        axes.stairs(shares, edges, fill=True, alpha=0.35, color=_COLOURS[label])
        axes.stairs(shares, edges, color=_COLOURS[label], label=f"{label.title} ({scores.size:,} images)")
    if threshold is not None:
        axes.axvline(threshold, color=LINE_COLOUR, linestyle=":", label=f"threshold {threshold:.3g}")
    axes.set(xlabel="prob_fake", ylabel="share of the class (%)", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    # Above the axes: inside, every corner can be where the scores are.
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    axes.grid(alpha=0.3)
    save(figure, path)


def plot_confusion(
    labels: Labels, prob_fake: Probs, path: Path, *, title: str, threshold: float = UNCALIBRATED_THRESHOLD
) -> None:
    """Counts at the threshold, and each as a share of its true class."""
    counts = confusion(labels, prob_fake, threshold)
    table = np.array([[counts.tn, counts.fp], [counts.fn, counts.tp]])
    totals = table.sum(axis=1, keepdims=True)
    shares = table / np.maximum(totals, 1)
    figure = new_figure(5.2, 4.6, title)
    axes = figure.subplots()
    picture = axes.imshow(100.0 * shares, cmap="Blues", vmin=0, vmax=100)
    for (row, column), count in np.ndenumerate(table):
        share = f"{100 * shares[row, column]:.1f} %" if totals[row, 0] else "no images"
        colour = "white" if shares[row, column] > 0.55 else "black"
        axes.text(column, row, f"{count:,}\n{share}", ha="center", va="center", color=colour, fontsize=13)
    axes.set_xticks([0, 1], [f"not flagged\n(p < {threshold:.3g})", f"flagged\n(p ≥ {threshold:.3g})"])
    axes.set_yticks([0, 1], [f"{label.title}\n({totals[label, 0]:,})" for label in Label])
    axes.set(xlabel="the model at this threshold", ylabel="the data's label (images)")
    figure.colorbar(picture, ax=axes, label="share of the row (%)", shrink=0.85)
    save(figure, path)


def _wilson(share: Probs, count: Labels) -> tuple[Probs, Probs]:
    z = 1.959964
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return centre - half, centre + half


def new_figure(width: float, height: float, title: str) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    # A dollar sign in a folder's name is not mathematics.
    figure.suptitle(title, parse_math=False)
    return figure


def write_across(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")


def save(figure: Figure, path: Path) -> None:
    """Raises :class:`models.support.errors.OutputError`."""
    with replacing(path) as aside:
        figure.savefig(aside, format="png", dpi=_DPI)

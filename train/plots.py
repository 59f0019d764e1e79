"""The pictures of a run: its course, and how its best epoch does on the select role."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from models.support.atomic import replacing
from train.run_folder import EpochRow, RunFolder


def plot_run(folder: RunFolder, rows: Sequence[EpochRow]) -> list[Path]:
    """Write ``course.png``, ``roc.png``, ``confusion.png`` and ``reliability.png``; nothing before an epoch's end."""
    if not rows:
        return []
    from train.evaluation.plots import plot_confusion, plot_reliability, plot_roc

    folder.plots.mkdir(exist_ok=True)
    course = folder.plots / "course.png"
    _plot_course(rows, course)
    labels, prob_fake = folder.read_select_scores()
    paths = [folder.plots / name for name in ("roc.png", "confusion.png", "reliability.png")]
    plot_roc(labels, prob_fake, paths[0], title="Select role, best epoch")
    plot_confusion(labels, prob_fake, paths[1], title="Select role, best epoch, threshold 0.5", threshold=0.5)
    plot_reliability(labels, prob_fake, paths[2], title="Select role, best epoch")
    return [course, *paths]


def _plot_course(rows: Sequence[EpochRow], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    loss, auc = figure.subplots(1, 2)
    epochs = [row.epoch for row in rows]
    loss.plot(epochs, [row.train_loss for row in rows], marker=".", label="train")
    loss.plot(epochs, [row.select_loss for row in rows], marker=".", label="select")
    loss.set(xlabel="epoch", ylabel="binary cross-entropy (nats)", title="Loss")
    loss.legend()
    auc.plot(epochs, [row.select_auc for row in rows], marker=".", color="tab:green")
    best = max(rows, key=lambda row: row.select_auc)
    star = {"marker": "*", "markersize": 14, "color": "tab:red", "linestyle": "none"}
    auc.plot(
        [best.epoch], [best.select_auc], label=f"best: {best.select_auc:.3f} (epoch {best.epoch})", **star
    )
    auc.set(xlabel="epoch", ylabel="ROC-AUC, select role", title="Selection")
    auc.legend(loc="lower right")
    for axes in (loss, auc):
        for before, after in pairwise(rows):
            if before.phase != after.phase:
                axes.axvline(before.epoch + 0.5, color="0.7", linewidth=1)
        axes.grid(alpha=0.3)
    with replacing(path) as aside:
        figure.savefig(aside, format="png", dpi=120)

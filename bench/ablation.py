"""What each part of the scratch recipe is worth, at equal steps: trains every row, then scores all of them.

    python bench/ablation.py train DATA WORK --seed 0        (one process per seed; goes on where it stopped)
    python bench/ablation.py train DATA WORK --seed 1
    python bench/ablation.py measure DATA WORK               (writes WORK/ablation.json and .md)

Each row is the one above it with one thing more. Everything goes through the project's own commands; DATA needs a
manifest with sources.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch

from export.wrapper import ContractModel
from models.contract import InputSpec, Label
from models.network import load_network, read_state_dict
from scanner.inference.detector import Scores as DetectorScores
from train.augmentation.random_degradations import degrade
from train.datasets.tree import LabelledImage, read_tree
from train.evaluation.bootstrap import group_index, interval, resample_weights
from train.evaluation.robustness import score_degraded
from train.evaluation.robustness_grid import Degradation
from train.evaluation.weighted import prepare, weighted_metrics

Scores = npt.NDArray[np.float64]

SOURCES = ("stylegan-ffhq", "stylegan2-unsplash")
"""The sources that a few CPU minutes can learn from at all; the others count as unseen."""
PHASES = "96x4@5e-4"
COMMON = ("flip=on", "color_jitter=0", "warmup_steps=50", "select_degraded=on")


@dataclass(frozen=True)
class Row:
    """One recipe: ``adds`` is what it has beyond the row before it."""

    name: str
    adds: tuple[str, ...]


ROWS = (
    Row("plain", ("balance=none",)),
    Row("degradations", ("degradations=on",)),
    Row("pairs", ("balance=couples",)),
    Row("self-blending", ("self_blend=0.3",)),
    Row("ema-smoothing", ("ema=0.99", "label_smoothing=0.05")),
)
ON_TOP = "two-phase"
"""The two-phase recipe, from the last row's weights; its steps come in addition."""


def settings(row: Row) -> list[str]:
    """The ``--set`` arguments of a row: its own, and those of all rows before it."""
    upto = ROWS[: ROWS.index(row) + 1]
    return [part for one in upto for setting in one.adds for part in ("--set", setting)]


def run_folder(work: Path, name: str, seed: int) -> Path:
    """Where the run of a row with a seed is."""
    return work / f"{name}-{seed}"


@click.group()
def main() -> None:
    """Train and measure the ablation of the scratch recipe."""


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--seed", type=int, required=True)
def train(data: Path, work: Path, seed: int) -> None:
    """Train all rows with one seed."""
    common = [part for setting in COMMON for part in ("--set", setting)]
    sources = [part for source in SOURCES for part in ("--source", source)]
    for row in ROWS:
        _train(
            data,
            run_folder(work, row.name, seed),
            "--recipe",
            "scratch",
            "--phases",
            PHASES,
            *sources,
            *common,
            *settings(row),
            "--seed",
            str(seed),
        )
    start = run_folder(work, ROWS[-1].name, seed) / "best.pt"
    _train(
        data,
        run_folder(work, ON_TOP, seed),
        "--recipe",
        "two-phase",
        "--init",
        str(start),
        "--epochs",
        "1,1",
        "--epoch-images",
        "1280",
        *sources,
        *common,
        *settings(ROWS[-1]),
        "--seed",
        str(seed),
    )


def _train(data: Path, out: Path, *options: str) -> None:
    if (out / "calibration.json").is_file():
        return
    resume = ["--resume"] if (out / "last.pt").is_file() else []
    command = ["from train.cli import main; main()", str(data), "--out", str(out), *options, *resume]
    subprocess.run([sys.executable, "-c", *command, "--workers", "0", "--no-progress"], check=True)


SEEN, DEGRADED, UNSEEN = "seen sources", "seen sources, degraded", "unseen source"
_CLEAN = Degradation("clean", lambda rgb, rng: rgb)
CONDITIONS = {SEEN: _CLEAN, DEGRADED: Degradation("training's list", degrade), UNSEEN: _CLEAN}
UNSEEN_STEP = 4
"""Every so many-th image of the unseen sources: they are many, and tell little."""
RESAMPLES = 2000


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--seeds", default="0,1", show_default=True)
def measure(data: Path, work: Path, seeds: str) -> None:
    """Score every run on the validation split, once each, and write ablation.json and ablation.md."""
    images = read_tree(data, "validation")
    seen = [image for image in images if image.source in SOURCES]
    unseen = [image for image in images if image.source not in SOURCES][::UNSEEN_STEP]
    of_condition = {SEEN: seen, DEGRADED: seen, UNSEEN: unseen}
    names = [*(row.name for row in ROWS), ON_TOP]
    numbers = [int(seed) for seed in seeds.split(",")]
    found: dict[str, dict[str, list[Scores]]] = {}
    for name in names:
        per_seed = [_scores(run_folder(work, name, seed), of_condition) for seed in numbers]
        found[name] = {condition: [scores[condition] for scores in per_seed] for condition in CONDITIONS}
    table = [
        {
            "row": name,
            "condition": condition,
            **_figures(of_condition[condition], found, name, before, condition),
        }
        for before, name in zip([None, *names[:-1]], names, strict=True)
        for condition in CONDITIONS
    ]
    plain = [
        {
            "condition": condition,
            **_figures(of_condition[condition], found, ROWS[-1].name, ROWS[0].name, condition),
        }
        for condition in CONDITIONS
    ]
    (work / "ablation.json").write_text(
        json.dumps({"rows": table, "last against plain": plain}, indent=2) + "\n"
    )
    text = _markdown(table, plain)
    (work / "ablation.md").write_text(text)
    click.echo(text, nl=False)


def _scores(run: Path, of_condition: Mapping[str, Sequence[LabelledImage]]) -> dict[str, Scores]:
    """P(fake) of each condition's images; remembered in the run's folder."""
    file = run / "ablation_scores.csv"
    if not file.is_file():
        detector = _InTorch(run / "best.pt")
        rows = [
            (condition, one.image.relative, one.prob_fake)
            for condition, images in of_condition.items()
            for one in score_degraded(images, detector, CONDITIONS[condition])  # type: ignore[arg-type]
        ]
        with file.open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    with file.open(newline="") as stream:
        read = list(csv.reader(stream))
    return {c: np.array([float(p) for name, _, p in read if name == c]) for c in of_condition}


class _InTorch:
    """Scores as a detector does, without an export, whose check an ill-conditioned network of few steps may fail."""

    on_gpu = False
    spec = InputSpec()

    def __init__(self, checkpoint: Path) -> None:
        network = load_network(read_state_dict(checkpoint), where=str(checkpoint))
        self._model = ContractModel(network, positive=Label.FAKE)

    def score(self, images: npt.NDArray[np.uint8]) -> DetectorScores:
        """As :meth:`scanner.Detector.score`, temperature 1."""
        with torch.inference_mode():
            prob_fake, logit = self._model(torch.from_numpy(images))
        return DetectorScores(logit.numpy(), prob_fake.numpy())


def _figures(
    images: Sequence[LabelledImage],
    found: dict[str, dict[str, list[Scores]]],
    name: str,
    before: str | None,
    condition: str,
) -> dict[str, Any]:
    """AUC (the mean of the seeds, each of them) and its difference from the row before, with 95 % intervals.

    An interval resamples the images' groups, the same for all runs; it does not hold what another seed would do.
    """
    labels = np.array([int(image.label) for image in images])
    index = group_index([image.group for image in images])

    def means(row: str) -> tuple[list[float], Scores]:
        prepared = [prepare(labels, scores, 0.5) for scores in found[row][condition]]
        whole = [float(weighted_metrics(one, np.ones((1, len(labels))))["roc_auc"][0]) for one in prepared]
        blocks = [
            np.mean([weighted_metrics(one, weights)["roc_auc"] for one in prepared], axis=0)
            for weights in resample_weights(index, RESAMPLES, 0)
        ]
        return whole, np.concatenate(blocks)

    aucs, resampled = means(name)
    result: dict[str, Any] = {"auc": float(np.mean(aucs)), "seeds": aucs, "interval": _middle(resampled)}
    if before is not None:
        others, theirs = means(before)
        result["difference"] = float(np.mean(aucs) - np.mean(others))
        result["seeds' differences"] = [a - b for a, b in zip(aucs, others, strict=True)]
        result["difference's interval"] = _middle(resampled - theirs)
    return result


def _middle(values: Scores) -> list[float]:
    middle = interval(values)
    if middle is None:
        raise click.ClickException("no resample has both classes")
    return [middle.low, middle.high]


def _markdown(table: Sequence[dict[str, Any]], plain: Sequence[dict[str, Any]]) -> str:
    lines = ["| row | on | AUC (seeds) | 95 % | against the row above |", "|---|---|---|---|---|"]
    lines += [_line(str(row["row"]), row) for row in table]
    lines += [_line(f"{ROWS[-1].name} against plain", row) for row in plain]
    return "\n".join(lines) + "\n"


def _line(name: str, row: dict[str, Any]) -> str:
    low, high = row["interval"]
    seeds = ", ".join(f"{auc:.3f}" for auc in row["seeds"])
    change = ""
    if "difference" in row:
        bottom, top = row["difference's interval"]
        change = f"{row['difference']:+.3f} [{bottom:+.3f}, {top:+.3f}]"
    return f"| {name} | {row['condition']} | {row['auc']:.3f} ({seeds}) | {low:.3f}–{high:.3f} | {change} |"


if __name__ == "__main__":
    main()

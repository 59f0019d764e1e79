"""What each part of the scratch recipe is worth, at equal steps: trains every row, then scores all of them.

    python bench/ablation.py train DATA WORK --seed 0        (one process per seed; goes on where it stopped)
    python bench/ablation.py train DATA WORK --seed 1
    python bench/ablation.py measure DATA WORK               (writes WORK/ablation.json and .md)

Each row is the one above it with one thing more. Everything goes through the project's own commands; DATA needs a
manifest with sources.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click

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
            data, run_folder(work, row.name, seed), "--recipe", "scratch", "--phases", PHASES,
            *sources, *common, *settings(row), "--seed", str(seed),
        )  # fmt: skip
    start = run_folder(work, ROWS[-1].name, seed) / "best.pt"
    _train(
        data, run_folder(work, ON_TOP, seed), "--recipe", "two-phase", "--init", str(start), "--epochs", "1,1",
        "--epoch-images", "1280", *sources, *common, *settings(ROWS[-1]), "--seed", str(seed),
    )  # fmt: skip


def _train(data: Path, out: Path, *options: str) -> None:
    if (out / "calibration.json").is_file():
        return
    resume = ["--resume"] if (out / "last.pt").is_file() else []
    command = ["from train.cli import main; main()", str(data), "--out", str(out), *options, *resume]
    subprocess.run([sys.executable, "-c", *command, "--workers", "0", "--no-progress"], check=True)


if __name__ == "__main__":
    main()

"""What the tests of train runs share."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from train.run_folder import RunFolder

ScanTrain = Callable[..., int]


Read = Callable[[Path], dict[str, Any]]


Differing = Callable[[dict[str, Any], dict[str, Any]], list[str]]


FILES = {
    "best.pt", "config.json", "last.pt", "leakage.csv", "metrics.csv", "plots", "roles.csv", "select_scores.csv",
    "select_sources.csv",
    "unreadable.csv",
}  # fmt: skip


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def metrics_of(folder: RunFolder) -> list[dict[str, str]]:
    """The metrics, but how long they took."""
    rows = table(folder.metrics)
    return [{k: v for k, v in row.items() if not k.endswith("images_per_second")} for row in rows]

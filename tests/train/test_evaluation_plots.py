"""The plots are PNG files whatever the scores are, leave nothing beside them and need no display."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.evaluation.plots import plot_confusion, plot_reliability, plot_roc, plot_score_histograms

PLOTS = [plot_roc, plot_reliability, plot_score_histograms, plot_confusion]


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize(
    ("labels", "probs"),
    [
        pytest.param([0, 1, 0, 1, 1], [0.1, 0.9, 0.6, 0.4, 1.0], id="both classes"),
        pytest.param([1, 1], [0.0, 1.0], id="one class"),
        pytest.param([], [], id="no images"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_every_plot_of_any_scores_is_a_picture(plot, labels, probs, tmp_path: Path) -> None:
    path = tmp_path / "plot.png"
    plot(np.array(labels, dtype=np.int64), np.array(probs, dtype=np.float32), path, title="cost: 5$ or $6_")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 500
        # Something is drawn: neither blank paper nor a block of one colour.
        assert len(picture.convert("RGB").getcolors(maxcolors=1 << 20) or []) > 10
    assert [entry.name for entry in tmp_path.iterdir()] == ["plot.png"]


@pytest.mark.parametrize("plot", [plot_roc, plot_score_histograms, plot_confusion])
def test_the_threshold_shows(plot, tmp_path: Path) -> None:
    labels, probs = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.6, 0.4])
    pictures = []
    for threshold in (0.3, 0.8):
        plot(labels, probs, tmp_path / "plot.png", title="t", threshold=threshold)
        pictures.append((tmp_path / "plot.png").read_bytes())
    assert pictures[0] != pictures[1]


@pytest.mark.slow
def test_plots_leave_pyplot_alone() -> None:
    code = "import sys, train.evaluation.plots\nprint({'matplotlib.pyplot', 'torch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"

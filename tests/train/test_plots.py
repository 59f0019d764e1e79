from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.plots import plot_run
from train.run_folder import EpochRow, RunFolder

ROW = EpochRow(1, "classifier", 260, 1e-3, 0.7, 0.69, 0.5, 32, 12.5)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.make()
    scores = np.linspace(0.05, 0.95, 20)
    made.write_select_scores([f"{n}.png" for n in range(20)], np.arange(20) % 3 // 2, scores)
    return made


@pytest.mark.slow
def test_a_run_has_four_pictures(folder: RunFolder) -> None:
    rows = [
        ROW,
        replace(ROW, epoch=2, select_auc=0.8),
        replace(ROW, epoch=3, phase="block 6", select_auc=0.7),
    ]
    paths = plot_run(folder, rows)
    assert [path.name for path in paths] == ["course.png", "roc.png", "confusion.png", "reliability.png"]
    for path in paths:
        with Image.open(path) as image:
            image.load()
            assert image.format == "PNG"
            assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 10, "a blank picture"


@pytest.mark.slow
def test_one_epoch_is_enough(folder: RunFolder) -> None:
    assert len(plot_run(folder, [ROW])) == 4


def test_before_an_epochs_end_there_is_nothing_to_draw(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert plot_run(folder, []) == []
    assert not folder.path.exists()

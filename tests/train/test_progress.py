from __future__ import annotations

import contextlib
import sys
from dataclasses import replace

import pytest

from train.progress import TrainingBar
from train.run_folder import EpochRow

ROW = EpochRow(2, "96", 96, 5e-4, 0.71234, 0.69, 0.875, 32, 12.54, 13.01, 640.4)


def follow(progress: TrainingBar) -> None:
    progress.epoch("96", 2, 3, 2, 0)
    progress.step(4, 0.7)
    progress.step(4, 0.6)
    progress.row(ROW)
    progress.close()


def test_without_a_terminal_there_are_only_lines(capsys: pytest.CaptureFixture[str]) -> None:
    follow(TrainingBar(bar=False))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "epoch 2 (96): train loss 0.7123, select loss 0.6900, select AUC 0.8750, 12.5 images/s "
        "(model 13.0, loader 640)\n"
    )


@pytest.mark.parametrize(
    ("loader", "said"),
    [(5.0, "model 13.0, loader 5: the loader holds the model up"), (None, "all features remembered")],
)
def test_the_line_says_what_holds_the_epoch_up(
    loader: float | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    TrainingBar(bar=False).row(replace(ROW, loader_images_per_second=loader))
    assert said in capsys.readouterr().err


def test_the_bar_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    follow(TrainingBar(bar=True))
    said = capsys.readouterr()
    assert said.out == ""
    assert "96 2/3" in said.err and "select AUC 0.8750" in said.err


def test_nothing_needs_to_have_begun() -> None:
    progress = TrainingBar(bar=True)
    progress.step(1, 0.5)
    progress.close()
    assert progress.disabled is False


def test_a_full_standard_error_fails_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "w", buffering=1)  # noqa: PTH123, SIM115 - its close fails, too
    monkeypatch.setattr(sys, "stderr", full)
    TrainingBar(bar=False).note("a note")
    with contextlib.suppress(OSError):
        full.close()

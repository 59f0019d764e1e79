"""The end of a run: a calibration of the best checkpoint, from the calibrate role alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.calibration import CalibrationFile
from models.storage import Store, stored_state
from models.weights import sha256_file
from train.augmentation.on_the_way import ON_THE_WAY
from train.datasets.loader import WholeView
from train.datasets.tree import LabelledImage, Role
from train.fitting import calibrate_run, checkpoint
from train.fitting.calibrate_run import calibrate_best, is_calibrated, why_not
from train.fitting.loop import Trainer
from train.fitting.temperature import calibrate
from train.run_folder import RunFolder

MakeTrainer = Callable[..., Trainer]


def test_the_best_checkpoint_is_calibrated_as_it_will_be_stored(
    toy_trainer: MakeTrainer, toy_images: list[LabelledImage]
) -> None:
    trainer = toy_trainer()
    trainer.run()
    folder = trainer.folder
    assert not is_calibrated(folder)
    content = calibrate_best(trainer, toy_images, data="toys")
    assert is_calibrated(folder) and CalibrationFile.read(folder.calibration) == content
    assert content.checkpoint_sha256 == sha256_file(folder.best)
    state = checkpoint.load(folder.best)["model"]
    for store in Store:
        trainer.load_weights(stored_state(state, store, where="best"))
        labels, logits = trainer.predict(toy_images, exact=True)
        degraded = {
            name: trainer.predict(toy_images, exact=True, view=WholeView(condition=condition))[1]
            for name, condition in ON_THE_WAY.items()
        }
        assert content.by_store[store] == calibrate(
            labels, logits, [None] * 8, data="toys, calibrate role", degraded=degraded
        )
    assert content.by_store["fp32"] != content.by_store["fp16"]


def test_a_calibration_of_an_earlier_best_does_not_count(
    toy_trainer: MakeTrainer, toy_images: list[LabelledImage]
) -> None:
    trainer = toy_trainer()
    trainer.run()
    calibrate_best(trainer, toy_images, data="toys")
    content = checkpoint.load(trainer.folder.best)
    checkpoint.save(trainer.folder.best, model=content["model"], summary={"epoch": 99})
    assert not is_calibrated(trainer.folder)


def test_a_small_role_is_named_with_its_counts(toy_images: list[LabelledImage]) -> None:
    assert why_not(toy_images) == "the calibrate role has only 4 Real and 4 Fake images, fewer than 20"
    assert why_not(toy_images * 5) is None
    reals = [image for image in toy_images * 10 if image.label == 0]
    assert why_not(reals) == "the calibrate role has only 0 Fake images, fewer than 20"


@pytest.mark.slow
def test_scan_train_says_that_a_small_role_is_not_calibrated(
    scratch_run: RunFolder,
    tree: Path,
    scratch_options: list[str],
    scan_train: Callable[..., int],
    capsys: Any,
) -> None:
    assert scan_train(tree, "--out", scratch_run.path, "--resume", "--device", "cpu", "--no-progress") == 0
    assert (
        "note: not calibrated: the calibrate role has only 1 Real and 1 Fake images"
        in capsys.readouterr().err
    )
    assert not scratch_run.calibration.exists()


@pytest.mark.slow
def test_scan_train_calibrates_a_finished_run_on_the_calibrate_role(
    scratch_options: list[str],
    make_tree: Callable[..., Path],
    scan_train: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    data = make_tree(tmp_path / "faces", {Role.FIT: 4, Role.SELECT: 2, Role.CALIBRATE: 3}, broken=False)
    monkeypatch.setattr(calibrate_run, "MIN_IMAGES", 3)
    run = tmp_path / "run"
    shorter = ["--phases", "32x1@1e-3", "--epoch-images", "4"]
    assert scan_train(data, "--out", run, *scratch_options, *shorter, "--workers", 0) == 0
    assert "calibrated on 3 Real and 3 Fake: bias " in capsys.readouterr().err
    content = CalibrationFile.read(run / "calibration.json")
    assert content.checkpoint_sha256 == sha256_file(run / "best.pt")
    for one in content.by_store.values():
        assert (one.real, one.fake, one.prior) == (3, 3, 0.5)
        decided = one.thresholds["default"].data or ""
        assert decided.startswith("faces, calibrate role, at most 5% of all real images") and "(3)" in decided
        assert one.thresholds["fpr5"].fpr == 0.0
        assert np.isfinite(one.temperature)


@pytest.mark.slow
def test_a_run_can_be_ended_where_it_is(
    scratch_options: list[str],
    make_tree: Callable[..., Path],
    scan_train: Callable[..., int],
    read: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    data = make_tree(tmp_path / "faces", {Role.FIT: 4, Role.SELECT: 2, Role.CALIBRATE: 3}, broken=False)
    monkeypatch.setattr(calibrate_run, "MIN_IMAGES", 3)
    run = tmp_path / "run"
    asked = iter(range(100))  # after the only step of each epoch, and at its end
    monkeypatch.setattr("train.session.stop_after", lambda *_: lambda: next(asked) >= 3)
    options = [*scratch_options, "--phases", "32x3@1e-3", "--epoch-images", "4"]
    assert scan_train(data, "--out", run, *options, "--workers", 0) == 0
    assert "continue with --resume" in capsys.readouterr().err
    assert not (run / "calibration.json").exists()
    position = read(run / "last.pt")["position"]
    assert 0 < position["epochs_done"] < 3
    assert scan_train(data, "--out", run, "--resume", "--finish", "--device", "cpu", "--workers", 0) == 0
    assert f"ended after {position['epochs_done']} epochs" in capsys.readouterr().err
    assert read(run / "last.pt")["position"] == position
    assert is_calibrated(RunFolder(run))


def test_ending_needs_a_run_with_an_epoch(
    tree: Path, scan_train: Callable[..., int], tmp_path: Path, capsys: Any
) -> None:
    assert scan_train(tree, "--out", tmp_path / "run", "--finish") == 2
    assert "add --resume" in capsys.readouterr().err

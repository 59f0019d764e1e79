"""``scan-train`` from a tree to checkpoints: what a whole run leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from train_runs import FILES, Differing, Read, ScanTrain, table

from train.run_folder import RunFolder

# Whole runs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scratch_run", "two_phase_run"])
def test_each_recipe_leaves_a_whole_run(name: str, request: pytest.FixtureRequest, read: Read) -> None:
    folder: RunFolder = request.getfixturevalue(name)
    assert {path.name for path in folder.path.iterdir()} == FILES
    pictures = sorted(folder.plots.iterdir())
    assert [p.name for p in pictures] == ["confusion.png", "course.png", "reliability.png", "roc.png"]
    for picture in pictures:
        with Image.open(picture) as image:
            image.load()
            assert image.format == "PNG" and min(image.size) > 200
    rows = table(folder.metrics)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    best = max(rows, key=lambda row: float(row["select_auc"]))
    assert read(folder.best)["summary"]["epoch"] == int(best["epoch"])
    assert read(folder.last)["position"]["epochs_done"] == 2


def test_a_run_records_its_settings_and_nothing_of_the_machine(
    scratch_run: RunFolder, two_phase_run: RunFolder, initial: Path, tree: Path, read: Read
) -> None:
    config = json.loads(scratch_run.config.read_text(encoding="utf-8"))
    assert config["seed"] == 5
    assert config["init"] == {"from": "random"}
    assert config["recipe"]["name"] == "scratch"
    assert config["data"] == "faces"
    assert config["counts"] == {
        "fit": {"Real": 6, "Fake": 6},
        "select": {"Real": 2, "Fake": 2},
        "calibrate": {"Real": 1, "Fake": 1},
    }
    assert torch.__version__.startswith(config["torch"])
    config = json.loads(two_phase_run.config.read_text(encoding="utf-8"))
    assert config["init"]["from"] == initial.name and len(config["init"]["sha256"]) == 64
    summary = read(two_phase_run.best)["summary"]
    assert (summary["seed"], summary["recipe"]["name"]) == (6, "two-phase")
    for folder in (scratch_run, two_phase_run):
        for file in (folder.config, folder.roles, folder.unreadable, folder.metrics):
            assert str(tree.parent) not in file.read_text(encoding="utf-8")


def test_roles_are_lists_of_the_train_split_alone(scratch_run: RunFolder) -> None:
    rows = table(scratch_run.roles)
    assert len(rows) == 18
    assert all(row["path"].startswith("train/") for row in rows)
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], set()).add(row["role"])
        assert row["label"] == row["path"].split("/")[1]
    assert all(len(roles) == 1 for roles in groups.values())


@pytest.mark.slow
def test_unreadable_images_are_counted_skips(
    scratch_run: RunFolder,
    tree: Path,
    scan_train: ScanTrain,
    scratch_options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = table(scratch_run.unreadable)
    assert [row["path"] for row in rows] == ["train/Fake/broken.png", "train/Real/empty.jpg"]
    assert rows[0]["reason"].startswith("corrupt_image") and rows[1]["reason"].startswith("empty_file")
    options = [*scratch_options, "--max-minutes", "0.0001", "--workers", "0"]
    assert scan_train(tree, "--out", tmp_path / "run", *options) == 0
    said = capsys.readouterr().err
    assert "warning: 2 of 20 images cannot be read" in said
    assert "note: 0 of 18 rows of the labels match no file, and 2 of 20 files of train have no row" in said


@pytest.mark.slow
def test_workers_change_nothing(
    tree: Path,
    scratch_options: list[str],
    scratch_run: RunFolder,
    scan_train: ScanTrain,
    same_as: Callable[..., None],
    tmp_path: Path,
) -> None:
    assert scan_train(tree, "--out", tmp_path / "run", *scratch_options, "--workers", 1) == 0
    same_as(RunFolder(tmp_path / "run"), scratch_run)


# What is frozen


def test_two_phases_change_the_classifier_and_block_6_alone(
    two_phase_run: RunFolder, initial: Path, read: Read, differing: Differing
) -> None:
    before, after = read(initial), read(two_phase_run.last)["model"]
    changed = differing(before, after)
    assert {name.rsplit(".", 1)[0] for name in changed if name.startswith("classifier")} == {"classifier.1"}
    in_block = [name for name in changed if name.startswith("features.6.")]
    assert set(changed) == {"classifier.1.weight", "classifier.1.bias", *in_block}
    everything_of_block = {name for name in before if name.startswith("features.6.")}
    # A gradient of exactly zero is possible at a bias before a BatchNorm; nearly everything must have moved.
    assert len(in_block) > 0.9 * len(everything_of_block)
    assert any(name.endswith("running_mean") for name in in_block)
    assert not [name for name in changed if name.startswith(("features.7.", "features.8.", "features.5."))]


@pytest.mark.slow
def test_phase_1_changes_the_classifier_alone(
    tree: Path,
    initial: Path,
    two_phase_options: list[str],
    scan_train: ScanTrain,
    read: Read,
    differing: Differing,
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    options = [*two_phase_options, "--epochs", "1,0", "--workers", "0"]
    assert scan_train(tree, "--out", folder.path, *options) == 0
    last = read(folder.last)
    assert differing(read(initial), last["model"]) == ["classifier.1.weight", "classifier.1.bias"]
    assert [row["phase"] for row in table(folder.metrics)] == ["classifier"]

"""``scan-train`` from a tree to checkpoints: whole, stopped, interrupted, killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

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


@pytest.fixture
def same_as(read: Read, differing: Differing) -> Callable[[RunFolder, RunFolder], None]:
    """Two runs ended with the same weights, bit for bit, and tell the same story."""

    def check(one: RunFolder, other: RunFolder) -> None:
        for file in ("last.pt", "best.pt"):
            assert differing(read(one.path / file)["model"], read(other.path / file)["model"]) == []
        assert metrics_of(one) == metrics_of(other)
        assert one.select_scores.read_text() == other.select_scores.read_text()
        assert one.roles.read_text() == other.roles.read_text()
        assert {path.name for path in one.path.iterdir()} == FILES

    return check


@pytest.fixture
def start(scan_train_command: list[str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``scan-train`` in a process of its own; whatever is left of it is ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*args: object) -> subprocess.Popen[str]:
        command = [*scan_train_command, *(str(arg) for arg in args)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}  # as in this process
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def wait_for_position(
    process: subprocess.Popen[str], last: Path, reached: Callable[[dict[str, Any]], bool]
) -> None:
    """Until a checkpoint that stands where ``reached`` says has been renamed into its place."""
    seen = 0
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        if last.is_file() and (now := last.stat().st_ino) != seen:
            seen = now
            if reached(torch.load(last, weights_only=True)["position"]):
                return
        time.sleep(0.01)
    raise AssertionError("no such checkpoint in time")


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


# Stops


@pytest.mark.slow
def test_a_time_limit_stops_at_a_checkpoint_and_resume_goes_on(
    tree: Path,
    scratch_options: list[str],
    scratch_run: RunFolder,
    scan_train: ScanTrain,
    same_as: Callable[..., None],
    read: Read,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = RunFolder(tmp_path / "run")
    before = signal.getsignal(signal.SIGINT)
    limits = ["--max-minutes", "0.0001", "--workers", "0"]
    assert scan_train(tree, "--out", folder.path, *scratch_options, *limits) == 0
    assert "continue with --resume" in capsys.readouterr().err
    assert read(folder.last)["position"]["step"] == 1
    assert not folder.best.exists() and not folder.plots.exists()
    # A user repeats the command line with --resume; the settings of the run are the run's.
    assert scan_train(tree, "--out", folder.path, *scratch_options, "--workers", 0, "--resume") == 0
    said = capsys.readouterr().err
    assert "done: 2 epochs" in said
    same_as(folder, scratch_run)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_a_finished_run_resumed_says_so(
    tree: Path, scan_train: ScanTrain, scratch_run: RunFolder, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(scratch_run.last)["position"]
    assert scan_train(tree, "--out", scratch_run.path, "--resume", "--device", "cpu", "--workers", 0) == 0
    assert "done: 2 epochs" in capsys.readouterr().err
    assert read(scratch_run.last)["position"] == before


@pytest.mark.slow
def test_scratch_interrupted_and_killed_ends_with_the_same_weights(
    tree: Path,
    scratch_options: list[str],
    scratch_run: RunFolder,
    start: Callable[..., subprocess.Popen[str]],
    scan_train: ScanTrain,
    same_as: Callable[..., None],
    read: Read,
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    saving = ["--checkpoint-minutes", "0", "--workers", "0"]
    process = start(tree, "--out", folder.path, *scratch_options, *saving)
    wait_for_position(process, folder.last, lambda at: at["step"] >= 1)
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "continue with --resume" in said and "Traceback" not in said
    stopped = read(folder.last)["position"]
    assert stopped["epochs_done"] < 2

    process = start(tree, "--out", folder.path, "--resume", "--device", "cpu", *saving)
    wait_for_position(process, folder.last, lambda at: at["epochs_done"] == 1 and at["step"] >= 1)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    killed = read(folder.last)["position"]
    assert killed["epochs_done"] == 1 and 1 <= killed["step"] < 5

    assert scan_train(tree, "--out", folder.path, "--resume", "--device", "cpu", "--workers", 0) == 0
    same_as(folder, scratch_run)


@pytest.mark.slow
def test_two_phases_killed_within_the_second_end_with_the_same_weights(
    tree: Path,
    two_phase_options: list[str],
    two_phase_run: RunFolder,
    start: Callable[..., subprocess.Popen[str]],
    scan_train: ScanTrain,
    same_as: Callable[..., None],
    read: Read,
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    process = start(
        tree, "--out", folder.path, *two_phase_options, "--workers", "1", "--checkpoint-minutes", "0"
    )
    wait_for_position(process, folder.last, lambda at: at["phase"] == 1 and at["step"] >= 1)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    killed = read(folder.last)["position"]
    assert (killed["phase"], killed["epoch"]) == (1, 0) and killed["step"] < 3

    assert scan_train(tree, "--out", folder.path, "--resume", "--device", "cpu", "--workers", 0) == 0
    same_as(folder, two_phase_run)


# Refusals: each is one sentence, exit code 2, and nothing is written


@pytest.fixture
def refused(tree: Path, scan_train: ScanTrain, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def refused(*args: object, data: Path = tree) -> str:
        assert scan_train(data, *args, "--device", "cpu", "--no-progress") == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        last = said.strip().splitlines()[-1]
        assert last.lower().startswith("error: ")
        return last

    return refused


def test_an_existing_run_is_not_begun_again(
    refused: Callable[..., str], scratch_run: RunFolder, scratch_options: list[str]
) -> None:
    before = scratch_run.config.read_bytes()
    assert "already holds a run" in refused("--out", scratch_run.path, *scratch_options)
    assert scratch_run.config.read_bytes() == before


def test_a_folder_of_other_things_is_left_alone(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "is not empty" in refused("--out", tmp_path, "--recipe", "scratch")
    assert "is not a folder" in refused("--out", tmp_path / "notes.txt", "--recipe", "scratch")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_parents_are_not_made(refused: Callable[..., str], tmp_path: Path) -> None:
    said = refused("--out", tmp_path / "a" / "b", "--recipe", "scratch")
    assert f"the folder {tmp_path / 'a'} does not exist" in said
    assert not (tmp_path / "a").exists()


def test_resume_needs_a_checkpoint(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "last.pt does not exist" in refused("--out", tmp_path / "run", "--resume")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--seed", "6"),
        ("--recipe", "two-phase"),
        ("--phases", "32x3@1e-3"),
        ("--batch-size", "8"),
        ("--epoch-images", "22"),
        ("--select-images", "3"),
        ("--init", "imagenet"),
        ("--source", "a"),
    ],
)
def test_resume_refuses_other_settings(
    option: str, value: str, refused: Callable[..., str], scratch_run: RunFolder
) -> None:
    said = refused("--out", scratch_run.path, "--resume", option, value)
    assert option in said and "as it was begun" in said


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--recipe", "scratch", "--epochs", "1"], "--epochs takes 3 numbers"),
        (["--recipe", "scratch", "--phases", "32"], "--phases"),
        (["--recipe", "scratch", "--phases", "32x1@1e-3", "--epochs", "1"], "give one"),
        (["--recipe", "two-phase", "--phases", "32x1@1e-3"], "--phases would undo"),
        (["--recipe", "two-phase", "--epochs", "0,0"], "nothing would be trained"),
        (["--recipe", "scratch", "--init", "no-such-file.pth"], "no-such-file.pth does not exist"),
        (["--recipe", "scratch", "--source", "nobody"], "no image is of source nobody"),
        (["--recipe", "scratch", "--labels", "no-such.csv"], "no-such.csv"),
        (["--recipe", "third"], "--recipe"),
        (["--batch-size", "1"], "--batch-size"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    options: list[str], named: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    assert named in refused("--out", tmp_path / "run", *options)
    assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there_is_refused(
    scan_train: ScanTrain, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("cuda:77", "tpu"):
        assert scan_train(tree, "--out", tmp_path / "run", "--recipe", "scratch", "--device", name) == 2
        assert f"--device {name}" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_imagenet_weights_without_a_network_are_refused_with_the_remedy(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.error

    def offline(*args: object, **options: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    said = refused("--out", tmp_path / "run")
    assert "could not be fetched" in said and "--init FILE" in said
    assert not (tmp_path / "run").exists()


def test_a_tree_without_select_images_is_refused(
    refused: Callable[..., str], make_tree: Callable[..., Path], tmp_path: Path
) -> None:
    from train.datasets.tree import Role

    data = make_tree(tmp_path / "few", {Role.FIT: 2}, broken=False)
    said = refused("--out", tmp_path / "run", "--recipe", "scratch", data=data)
    assert "the select role" in said and "add images or groups" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_in_one_sentence(refused: Callable[..., str], tmp_path: Path) -> None:
    options = ["--recipe", "scratch", "--phases", "32x1@1e30", "--batch-size", "2", "--workers", "0"]
    assert "lower learning rate" in refused("--out", tmp_path / "run", *options)


def test_options_read_the_environment(
    scan_train: ScanTrain,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SCAN_TRAIN_EPOCHS", "1")
    assert scan_train(tree, "--out", tmp_path / "run", "--recipe", "scratch") == 2
    assert "--epochs takes 3 numbers" in capsys.readouterr().err


def test_help_pays_for_click_alone(scan_train_command: list[str]) -> None:
    program = (
        "import sys\n"
        "from train.cli import main\n"
        "sys.argv = ['scan-train', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as left:\n"
        "    assert left.code == 0\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'PIL', 'pandas', 'sklearn', 'matplotlib', 'tqdm', 'onnx'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) in ((0, ""), (1, "[]"))
    assert "--max-minutes" in done.stdout

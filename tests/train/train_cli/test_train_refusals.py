"""What ``scan-train`` refuses before anything is written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from train_runs import ScanTrain

from train.run_folder import RunFolder

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

"""``scan-evaluate`` from a tree of pictures to a report, with a model that calls bright pictures fake."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score
from tiny_onnx import write_tiny_model

from models.contract import ModelMetadata, Threshold
from models.support.errors import run_command
from scanner import Detector, scan_files
from train.evaluation import cli

TEMPERATURE = 2.0
BRIGHTNESS = {"Real": (20, 60, 100, 150), "Fake": (130, 180, 220, 250)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Contract 1: ``logit = (mean of the pixels - 128) / 32``."""
    metadata = ModelMetadata(
        "bright", "3", "fake", temperature=TEMPERATURE, thresholds={"fpr1": Threshold(0.8)}
    )
    return write_tiny_model(tmp_path_factory.mktemp("model") / "bright.onnx", metadata)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Four pictures of a class; ``x.jpg`` of each class cannot be decoded."""
    data = tmp_path / "faces"
    rows = ["path,label,source,group"]
    for label, values in BRIGHTNESS.items():
        folder = data / "validation" / label
        folder.mkdir(parents=True)
        for number, value in enumerate(values):
            Image.new("RGB", (24, 20), (value, value, value)).save(folder / f"{number}.jpg", quality=100)
            rows.append(f"validation/{label}/{number}.jpg,{label},{'ab'[number % 2]},g{number}")
    (data / "validation" / "Fake" / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0 but nothing more")
    (tmp_path / "faces.manifest.csv").write_text("\n".join(rows) + "\n")
    return data


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        run_command(cli.evaluate, [str(arg) for arg in args])
    code = caught.value.code
    assert isinstance(code, int)
    return code


@pytest.mark.slow
def test_a_tree_is_measured_and_reported(tree: Path, model: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "report"
    before = model.read_bytes()
    assert run(tree, "--model", model, "--out", out, "--device", "cpu", "--bootstrap", 50) == 0
    document = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert document["model"] == {
        "file": "bright.onnx", "sha256": hashlib.sha256(before).hexdigest(), "name": "bright", "version": "3",
        "calibrated": False,
    }  # fmt: skip
    assert document["data"] == {"name": "faces", "split": "validation", "manifest": "faces.manifest.csv"}
    assert document["overall"]["images"]["not_scored_by_error"] == {"corrupt_image": 1}
    # Of the 16 pairs, only the fake of 130 and the real of 150 are in the wrong order; both are over 128.
    assert document["overall"]["metrics"]["roc_auc"]["value"] == pytest.approx(15 / 16)
    assert document["overall"]["confusion"] == {"tp": 4, "fp": 1, "tn": 3, "fn": 0}
    # Groups pair a real image with a fake; the one that cannot be scored is in none.
    assert document["overall"]["groups"] == 4
    assert {name: part["images"]["scored"] for name, part in document["by_source"].items()} == {
        "a": 4,
        "b": 4,
    }
    assert model.read_bytes() == before

    said = capsys.readouterr()
    assert said.out == (out / "evaluation.md").read_text(encoding="utf-8")
    assert "1 of 9 images COULD NOT BE SCORED" in said.err


@pytest.mark.slow
def test_scores_are_the_scanners_and_give_the_same_auc(tree: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run(tree, "--model", model, "--out", out, "--device", "cpu", "--bootstrap", 0, "--workers", 2) == 0
    table = pd.read_csv(out / "scores.csv")
    detector = Detector.load(model, "cpu")
    for path, prob in zip(table["path"], table["prob_fake"], strict=True):
        (result,) = scan_files([tree / path], detector)
        expected = math.nan if result.prob_fake is None else result.prob_fake
        assert prob == pytest.approx(expected, abs=5e-7, nan_ok=True)
    scored = table[table["status"] == "ok"]
    dark = scored.set_index("path").loc["validation/Real/0.jpg", "prob_fake"]
    assert dark == pytest.approx(1 / (1 + math.exp(-(20 - 128) / 32 / TEMPERATURE)), abs=1e-6)
    auc = json.loads((out / "evaluation.json").read_text())["overall"]["metrics"]["roc_auc"]["value"]
    assert auc == roc_auc_score(scored["label"] == "Fake", scored["prob_fake"])


@pytest.mark.slow
def test_the_models_named_threshold_is_used(tree: Path, model: Path, tmp_path: Path) -> None:
    arguments = (tree, "--model", model, "--device", "cpu", "--bootstrap", 0)
    assert run(*arguments, "--out", tmp_path / "r", "--threshold", "fpr1") == 0
    document = json.loads((tmp_path / "r" / "evaluation.json").read_text())
    assert document["threshold"] == {"value": 0.8, "origin": "fpr1"}
    # prob_fake >= 0.8 from a brightness of 217 on.
    assert document["overall"]["confusion"] == {"tp": 2, "fp": 0, "tn": 4, "fn": 2}


@pytest.mark.slow
def test_without_any_score_the_report_is_written_and_the_command_fails(
    tree: Path, model: Path, tmp_path: Path, capsys
) -> None:
    for path in tree.rglob("*.jpg"):
        path.write_bytes(b"")
    assert run(tree, "--model", model, "--out", tmp_path / "r", "--device", "cpu") == 2
    assert "none of the 9 images could be scored" in capsys.readouterr().err
    assert (pd.read_csv(tmp_path / "r" / "scores.csv")["error"] == "empty_file").all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--out", "missing/report"], "does not exist; make it first"),
        (["--out", "file"], "is a file; name a folder"),
        (["--split", "test"], "test"),
        (["--labels", "missing.csv"], "--labels missing.csv: there is no such file"),
        (
            ["--labels", "foreign.csv"],
            "'pictures/validation/Real/0.jpg' where the tree says 'validation/Real/0.jpg'",
        ),
        (["--model", "missing.onnx"], "missing.onnx"),
        (["--threshold", "fpr5"], "nor a threshold of this model (fpr1)"),
        (["--bootstrap", "-1"], "--bootstrap"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_written(
    change: list[str], message: str, tree: Path, model: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("foreign.csv").write_text("path,label\npictures/validation/Real/0.jpg,Real\n")
    before = sorted(tmp_path.rglob("*"))
    assert run(tree, "--out", "report", "--model", model, "--device", "cpu", *change) == 2
    said = capsys.readouterr()
    assert message in said.err and "Traceback" not in said.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_what_labels_and_files_do_not_share_is_said_and_recorded(
    tree: Path, model: Path, tmp_path: Path, capsys
) -> None:
    fake = tree / "validation" / "Fake"
    (fake / "0.jpg").rename(fake / "0123456789abcdef")
    (fake / "notes.txt").write_text("none")
    (fake / "film.mp4").touch()
    rows = (tmp_path / "faces.manifest.csv").read_text().replace("/", "\\").splitlines()
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join([*rows, "train\\Real\\gone.jpg,Real,a,g1"]) + "\n")
    arguments = (tree, "--model", model, "--out", tmp_path / "r", "--device", "cpu", "--bootstrap", 0)
    assert run(*arguments, "--labels", labels) == 0
    said = capsys.readouterr()
    document = json.loads((tmp_path / "r" / "evaluation.json").read_text())
    assert document["overall"]["images"]["scored"] == 8 and document["overall"]["groups"] == 5
    assert document["left_out"] == {"no picture": 1, "video, document or archive": 1}
    assert document["labels"] == {"rows": 9, "rows_without_file": 2, "files": 9, "files_without_row": 2,
                                  "groups_in_train_and_report": 0}  # fmt: skip
    assert "2 of 9 rows of the labels match no file, and 2 of 9 files of validation have no row" in said.err
    assert "2 files are left out (no picture 1, video, document or archive 1)" in said.err
    assert "Left out, being no images: 2 (no picture 1," in said.out
    assert "Left out, being no images: 2" in (tmp_path / "r" / "evaluation.html").read_text(encoding="utf-8")


def test_a_missing_extra_names_the_remedy(tree: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    for name in ("sklearn", "matplotlib", "jinja2"):
        monkeypatch.setitem(sys.modules, name, None)
    assert run(tree, "--out", tmp_path / "report") == 2
    assert (
        'jinja2, matplotlib, scikit-learn: pip install "deepfake-scanner[evaluate]"'
        in capsys.readouterr().err
    )


@pytest.mark.slow
def test_an_option_reads_its_environment_variable(
    tree: Path, model: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("SCAN_EVALUATE_THRESHOLD", "0.25")
    assert run(tree, "--model", model, "--out", tmp_path / "r", "--device", "cpu", "--bootstrap", 0) == 0
    assert json.loads((tmp_path / "r" / "evaluation.json").read_text())["threshold"]["value"] == 0.25


HEAVY = ("numpy", "pandas", "sklearn", "matplotlib", "onnxruntime", "torch", "PIL")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom train.evaluation import cli\n"
        "try:\n    cli.evaluate(['--help'])\nexcept SystemExit as done:\n    assert done.code == 0\n"
        f"print('heavy:', [name for name in {HEAVY} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("heavy: []")
    assert "--threshold" in result.stdout


@pytest.mark.slow
def test_an_evaluation_never_imports_torch(tree: Path, model: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom train.evaluation import cli\n"
        "cli.evaluate(sys.argv[1:], standalone_mode=False)\n"
        "sys.exit(any(name.partition('.')[0] in ('torch', 'export') for name in sys.modules))"
    )
    arguments = [str(tree), "--model", str(model), "--out", str(tmp_path / "r"), "--device", "cpu"]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "r" / "evaluation.json").is_file()


def test_the_default_of_bootstrap_is_the_modules() -> None:
    from train.evaluation.bootstrap import DEFAULT_RESAMPLES

    assert cli._DEFAULT_RESAMPLES == DEFAULT_RESAMPLES

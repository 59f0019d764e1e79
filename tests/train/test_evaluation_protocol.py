"""The protocol from the command line: robustness, comparison, probe and page, with a model of brightness."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_onnx import write_tiny_model

from models.contract import Label, ModelMetadata
from models.support.errors import run_command
from scanner import Detector
from train.evaluation import cli
from train.evaluation.bootstrap import joined, roc_band
from train.evaluation.metrics import roc_points
from train.evaluation.protocol_plots import risk_coverage
from train.evaluation.robustness_grid import GRID


def brightness_model(path: Path, *, sign: float = 1.0) -> Path:
    """``logit = sign × (mean of the pixels - 128) / 32``."""
    return write_tiny_model(path, ModelMetadata(path.stem, "1", "fake"), spread=32.0 * sign)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full protocol run of a good model against one that is wrong throughout."""
    folder = tmp_path_factory.mktemp("protocol")
    rng = np.random.default_rng(0)
    for label, values in {"Real": (30, 60, 90, 110, 140, 50), "Fake": (120, 150, 180, 210, 240, 200)}.items():
        place = folder / "faces" / "validation" / label
        place.mkdir(parents=True)
        for number, value in enumerate(values):
            grey = np.full((24, 20, 3), value) + rng.integers(-10, 11, (24, 20, 3))
            Image.fromarray(grey.astype(np.uint8)).save(place / f"{number}.png")
    ours = brightness_model(folder / "ours.onnx")
    theirs = brightness_model(folder / "theirs.onnx", sign=-1.0)
    arguments = [folder / "faces", "--model", ours, "--against", theirs, "--robustness", "--out", folder / "out",
                 "--device", "cpu", "--bootstrap", 100, "--no-progress"]  # fmt: skip
    with pytest.raises(SystemExit) as done:
        run_command(cli.evaluate, [str(argument) for argument in arguments])
    assert done.value.code == 0
    return folder / "out"


def document(report: Path) -> dict:
    return json.loads((report / "evaluation.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_every_condition_is_measured_at_the_same_threshold(report: Path) -> None:
    rows = document(report)["robustness"]
    assert [row["condition"] for row in rows] == ["clean", *(one.name for one in GRID)]
    clean = rows[0]["figures"]
    assert clean["roc_auc"]["value"] == document(report)["overall"]["metrics"]["roc_auc"]["value"]
    # Brightness survives them all: only the 140 among the reals lies over the threshold of 128.
    for row in rows:
        assert row["figures"]["fpr"]["value"] == pytest.approx(1 / 6)
        assert row["figures"]["roc_auc"]["value"] == pytest.approx(35 / 36)
        assert row["figures"]["roc_auc"]["interval"] is not None
        assert row["not_scored"] == 0
    # Nothing changed its place, so the change is none and known exactly, though each AUC's own interval is wide.
    assert clean["roc_auc"]["interval"][0] < 0.95 and rows[0]["roc_auc_change"] is None
    assert {row["roc_auc_change"]["value"] for row in rows[1:]} == {0.0}
    assert {tuple(row["roc_auc_change"]["interval"]) for row in rows[1:]} == {(0.0, 0.0)}


@pytest.mark.slow
def test_the_comparison_is_paired_and_has_a_sign(report: Path) -> None:
    against = document(report)["against"]
    assert against["model"]["file"] == "theirs.onnx"
    auc = against["figures"]["roc_auc"]
    assert auc["value"] == pytest.approx(35 / 36 - 1 / 36)
    assert auc["decided"] is True


def test_the_page_is_self_contained_and_shows_the_worst_mistakes(report: Path) -> None:
    page = (report / "evaluation.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)""", page)
    assert "<script" not in page
    worst_real = page.partition("Real images with the highest prob_fake")[2]
    assert re.search(r"figcaption>0\.\d{3} · validation/Real/4\.png", worst_real)
    for title in (
        "ROC",
        "Reliability",
        "Scores by class",
        "Risk and coverage",
        "Robustness",
        "Shortcut probe",
    ):
        assert f"<h2>{title}</h2>" in page
    assert "theirs 1" in page


@pytest.mark.slow
def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    for label in ("Real", "Fake"):
        place = tmp_path / name.replace("/", "") / "validation" / label
        place.mkdir(parents=True)
        Image.new("RGB", (8, 8), "white").save(place / "<b>.png")
    model = brightness_model(tmp_path / "m.onnx")
    with pytest.raises(SystemExit) as done:
        run_command(cli.evaluate, [str(tmp_path / name.replace("/", "")), "--model", str(model), "--out",
                                   str(tmp_path / "out"), "--device", "cpu", "--bootstrap", "0"])  # fmt: skip
    assert done.value.code == 0
    page = (tmp_path / "out" / "evaluation.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b>.png" not in page and "&lt;b&gt;.png" in page


def test_the_markdown_has_the_same_sections(report: Path) -> None:
    text = (report / "evaluation.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Robustness",
        "## Shortcut probe",
        "## Sharpness of real images",
        "## Against theirs 1",
    ]


def test_a_missing_second_model_is_refused_before_anything_is_scored(tmp_path: Path, monkeypatch) -> None:
    for label in ("Real", "Fake"):
        place = tmp_path / "faces" / "validation" / label
        place.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(place / "a.png")
    model = brightness_model(tmp_path / "m.onnx")
    monkeypatch.setattr(Detector, "score", lambda *_: pytest.fail("scored"))
    with pytest.raises(SystemExit) as done:
        run_command(cli.evaluate, [str(tmp_path / "faces"), "--model", str(model), "--against",
                                   str(tmp_path / "gone.onnx"), "--out", str(tmp_path / "out")])  # fmt: skip
    assert done.value.code == 2
    assert not (tmp_path / "out").exists()


def test_the_roc_band_encloses_the_curve_of_the_data() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(300) % 2
    probs = np.clip(0.5 + 0.2 * (labels - 0.5) + rng.normal(0, 0.2, 300), 0, 1)
    at = np.linspace(0, 1, 21)
    low, high = roc_band(labels, probs, [None] * 300, at, resamples=200)
    fpr, tpr = roc_points(labels, probs)
    curve = joined(fpr, tpr, at)
    assert (low <= curve + 1e-12).all() and (curve <= high + 1e-12).all()
    assert (high - low)[5:15].min() > 0.02
    assert low[-1] == high[-1] == 1.0
    assert roc_band(np.ones(4, dtype=int), np.full(4, 0.5), [None] * 4, at) is None


def test_a_curve_is_joined_by_straight_lines_and_taken_at_the_top_of_a_rise() -> None:
    fpr, tpr = np.array([0.0, 0.0, 0.5, 0.5, 1.0]), np.array([0.0, 0.2, 0.4, 0.6, 1.0])
    assert joined(fpr, tpr, np.array([0.0, 0.25, 0.5, 0.75, 1.0])).tolist() == pytest.approx(
        [0.2, 0.3, 0.6, 0.8, 1.0]
    )


def test_risk_falls_when_only_the_certain_images_are_judged() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    probs = np.array([0.01, 0.02, 0.55, 0.45, 0.98, 0.99])
    coverage, risk = risk_coverage(labels, probs, 0.5)
    assert coverage.tolist() == pytest.approx([k / 6 for k in range(1, 7)])
    assert risk.tolist() == pytest.approx([0, 0, 0, 0, 1 / 5, 2 / 6])
    # Equal certainty: the order within a tie does not matter.
    assert risk_coverage(np.array([0, int(Label.FAKE)]), np.array([0.9, 0.9]), 0.5)[1].tolist() == [0.5, 0.5]

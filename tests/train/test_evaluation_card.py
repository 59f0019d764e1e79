"""The card is written from the evaluation of that very file, and people's notes stay theirs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from tiny_onnx import write_tiny_model

from models.contract import Label, ModelMetadata
from models.support.errors import DataError
from models.weights import shipped_weights
from scanner import Detector
from train.datasets.tree import LabelledImage
from train.evaluation.card import write_card
from train.evaluation.protocol import ChosenThreshold, evaluate
from train.evaluation.report import write_evaluation
from train.evaluation.scoring import ScoredImage
from train.evaluation.subject import describe

TRAINING = {
    "data": "faces",
    "sources": ["a", "b"],
    "counts": {"fit": {"Real": 9, "Fake": 8}},
    "recipe": {"name": "scratch", "phases": [{"epochs": 3, "size": 96, "lr": 5e-4}], "optimizer": "adamw",
               "schedule": "cosine", "batch_size": 32},
    "init": {"from": "random"},
    "seed": 1,
    "epoch": 2,
    "select_auc": 0.75,
}  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Contract 1: the logit is the mean of the pixels."""
    parity = {"max_abs_prob": 2e-7, "images": 32}
    band = {"low": 0.3, "missed": 0.05, "confidence": 0.95, "below": 4, "fakes": 200, "under": "JPEG q50"}
    metadata = ModelMetadata(
        "demo",
        "1.0",
        "fake",
        license="research use",
        training=TRAINING,
        parity=parity,
        inconclusive_low=0.3,
        inconclusive_band=band,
    )
    path = tmp_path / "weights" / "demo.onnx"
    path.parent.mkdir()
    return write_tiny_model(path, metadata, logit="mean")


@pytest.fixture
def evaluation(model: Path, tmp_path: Path) -> Path:
    images = [
        ScoredImage(
            LabelledImage(Path(f"{i}.jpg"), f"{i}.jpg", Label(i % 2), "ab"[i % 4 > 1], f"g{i}"), "ok", None, p
        )
        for i, p in enumerate((0.1, 0.9, 0.2, 0.8, 0.6, 0.7))
    ]
    folder = tmp_path / "evaluation"
    folder.mkdir()
    subject = describe(Detector.load(model, "cpu"), tmp_path / "faces", "validation", None)
    write_evaluation(folder, subject, evaluate(images, ChosenThreshold(0.5, "option"), resamples=50), images)
    return folder


def write(model: Path, evaluation: Path, notes: Path) -> None:
    arguments = [
        str(model),
        str(evaluation),
        "--notes",
        str(notes),
        "--commit",
        "abc1234",
        "--command",
        "scan-train X",
    ]
    write_card(arguments, standalone_mode=False)


@pytest.mark.slow
def test_the_card_serves_the_code_and_the_reader(
    model: Path, evaluation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text(
        "\ufeffThese weights only demonstrate the tool.\n\n## Not detected\n\nAnything else.\n",
        encoding="utf-8",
    )
    write(model, evaluation, notes)
    monkeypatch.setattr("models.weights.WEIGHTS_DIR", model.parent.parent)
    shipped = shipped_weights(model.parent.name)
    assert (shipped.path, shipped.sha256) == (model, hashlib.sha256(model.read_bytes()).hexdigest())
    assert (shipped.card["name"], shipped.card["version"], shipped.card["license"]) == (
        "demo",
        "1.0",
        "research use",
    )
    measured = json.loads((evaluation / "evaluation.json").read_text())
    assert shipped.card["evaluation"]["by_source"] == measured["by_source"]
    page = model.with_name("README.md").read_text(encoding="utf-8")
    _, _, headline, _, first_note, *_ = page.splitlines()
    assert headline.startswith(
        "**Of real pictures of a source that had no part in the threshold, 33.3% are flagged**"
    )
    assert first_note == "These weights only demonstrate the tool."
    assert shipped.card["evaluation"]["held_out_sources"] == measured["held_out_sources"]
    assert f"`{shipped.sha256}`" in page and "commit `abc1234`" in page and "| ROC-AUC" in page
    assert "scratch: 3 epochs at 96 px, lr 0.0005; adamw, cosine schedule, 32 images a step" in page
    assert "with 95% confidence (4 of 200 were, JPEG q50)" in page
    assert "fit: 9 Real, 8 Fake" in page and "max \\|Δp\\| 2e-07 over 32 images" in page


@pytest.mark.slow
def test_an_evaluation_of_another_file_is_refused(model: Path, evaluation: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("Notes.\n")
    document = json.loads((evaluation / "evaluation.json").read_text())
    document["model"]["sha256"] = "0" * 64
    (evaluation / "evaluation.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="measured another model"):
        write(model, evaluation, notes)
    assert not model.with_name("card.json").exists()

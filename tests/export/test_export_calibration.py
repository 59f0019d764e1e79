"""A calibration reaches the graph and the metadata, and only with the checkpoint that it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.calibration import find_calibration
from export.exporter import ExportOptions, export_checkpoint
from models.calibration import Calibration, CalibrationFile
from models.contract import Threshold
from models.storage import Store
from models.support.errors import ModelFileError
from models.weights import sha256_file
from train.fitting import checkpoint


def calibration(temperature: float) -> Calibration:
    thresholds = {
        name: Threshold(value, "role", 0.01, 0.6) for name, value in (("fpr1", 0.9), ("default", 0.8))
    }
    return Calibration(temperature, 0.5, thresholds, 0.3, 70, 80, 0.7, 0.6)


@pytest.fixture
def file(toy_run: Path, tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    content = CalibrationFile(
        sha256_file(toy_run / "best.pt"), {"fp32": calibration(2.5), "fp16": calibration(2.6)}
    )
    path.write_text(content.to_json(), encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_graph_divides_by_the_temperature_and_the_metadata_say_so(
    file: Path, toy_run: Path, images: Any, load: Any, tmp_path: Path
) -> None:
    report = export_checkpoint(toy_run, tmp_path / "m.onnx", ExportOptions(calibration=file), load=load)
    logit, prob = load(report.file)(images[:6])
    plain = export_checkpoint(toy_run, tmp_path / "plain.onnx", load=load)
    plain_logit, plain_prob = load(plain.file)(images[:6])
    np.testing.assert_array_equal(logit, plain_logit)
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(-logit / 2.5)), atol=1e-6)
    assert np.abs(prob - plain_prob).max() > 0.01
    metadata = report.metadata
    assert (metadata.calibrated, metadata.temperature, metadata.inconclusive_low) == (True, 2.5, 0.3)
    assert metadata.default_threshold() == 0.8 and metadata.thresholds["fpr1"].fpr == 0.01


@pytest.mark.slow
def test_each_storage_has_its_own(file: Path, toy_run: Path, load: Any, tmp_path: Path) -> None:
    report = export_checkpoint(
        toy_run, tmp_path / "m.onnx", ExportOptions(Store.FP16, calibration=file), load=load
    )
    assert report.metadata.temperature == 2.6


def test_a_calibration_of_other_weights_is_refused(file: Path, toy_run: Path, tmp_path: Path) -> None:
    best = toy_run / "best.pt"
    content = checkpoint.load(best)
    content["model"]["classifier.1.bias"] += 1
    checkpoint.save(best, **content)
    with pytest.raises(ModelFileError, match="calibrates the checkpoint"):
        export_checkpoint(toy_run, tmp_path / "m.onnx", ExportOptions(calibration=file))
    assert not (tmp_path / "m.onnx").exists()


def test_only_a_runs_folder_brings_its_calibration_along(tmp_path: Path) -> None:
    assert find_calibration(tmp_path) is None
    (tmp_path / "calibration.json").write_text("{}")
    (tmp_path / "best.pt").touch()
    assert find_calibration(tmp_path) == tmp_path / "calibration.json"
    assert find_calibration(tmp_path / "best.pt") is None

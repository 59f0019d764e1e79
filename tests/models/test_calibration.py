"""``calibration.json`` there and back, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.calibration import Calibration, CalibrationFile
from models.contract import Threshold
from models.support.errors import ModelFileError

ONE = Calibration(
    temperature=1.5,
    prior=0.5,
    thresholds={
        name: Threshold(value, "role", 0.01, 0.6) for name, value in (("fpr1", 0.9), ("default", 0.8))
    },
    inconclusive_low=0.3,
    real=70,
    fake=80,
    log_loss_before=0.7,
    log_loss_after=0.6,
)


def test_a_file_reads_back_as_it_was(tmp_path: Path) -> None:
    written = CalibrationFile("ab" * 32, {"fp32": ONE, "fp16": ONE})
    file = tmp_path / "calibration.json"
    file.write_text(written.to_json(), encoding="utf-8")
    assert CalibrationFile.read(file) == written
    file.write_text("\ufeff" + written.to_json(), encoding="utf-8")
    assert CalibrationFile.read(file) == written, "saved again by an editor"


def test_a_file_of_before_is_read_without_what_came_later(tmp_path: Path) -> None:
    content = json.loads(CalibrationFile("ab" * 32, {"fp32": ONE}).to_json())
    for later in ("thresholds_by_faces", "band"):
        del content["by_store"]["fp32"][later]
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps(content))
    assert CalibrationFile.read(file).by_store["fp32"] == ONE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "is not a calibration"),
        (json.dumps({"format": "other"}), "is not a calibration"),
        (json.dumps({"format": "deepfake-scanner calibration", "format_version": 9}), "format 9"),
        (json.dumps({"format": "deepfake-scanner calibration", "format_version": 1}), "damaged"),
        (
            json.dumps(
                {
                    "format": "deepfake-scanner calibration",
                    "format_version": 1,
                    "checkpoint_sha256": "",
                    "by_store": {"fp32": {"temperature": 1}},
                }
            ),
            "damaged",
        ),
    ],
)
def test_anything_else_is_refused_in_one_sentence(text: str | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ModelFileError, match=reason) as refused:
        CalibrationFile.read(file)
    assert str(file) in str(refused.value) and "\n" not in str(refused.value)

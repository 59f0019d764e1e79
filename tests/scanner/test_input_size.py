"""Law and edge of the pictures are the model's: nobody on the way assumes 260."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.contract import InputSpec
from models.support.errors import ModelFileError
from scanner import Detector, scan_files
from scanner.engine.batches import automatic_batch_size


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, 128, 300])
def test_a_model_of_another_square_gets_its_pictures(
    size: int, tmp_path: Path, make_model: Callable[..., Path], grey: Callable[..., Path]
) -> None:
    detector = Detector.load(make_model(size=size), "cpu")
    assert detector.spec == InputSpec(1, size) and automatic_batch_size(detector) == 1
    halves = Image.new("RGB", (64, 40), (0, 0, 0))
    halves.paste((255, 255, 255), (0, 0, 64, 20))
    halves.save(tmp_path / "halves.png")
    paths = [tmp_path / "halves.png", *(grey(tmp_path / f"{value}.png", value) for value in range(0, 256, 8))]
    for batch_size in (1, 5):
        half, *plain = (one.findings[0].logit for one in scan_files(paths, detector, batch_size=batch_size))
        assert half == pytest.approx((127.5 - 128) / 32, abs=0.01)
        assert plain == [(value - 128) / 32 for value in range(0, 256, 8)]


def test_the_command_follows_the_model(here: Path, scan: Callable[..., Any], make_model: Any) -> None:
    run = scan("in", "--out", "-", "--model", make_model(size=64), "--exit-zero")
    assert run.code == 0 and [row["prob_fake"] for row in run.rows] == [
        row["prob_fake"] for row in scan("in", "--out", "-", "--exit-zero").rows
    ]


def test_what_is_no_square_is_refused(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    import onnx

    model = onnx.load(make_model(size=64))
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 65
    onnx.save(model, tmp_path / "oblong.onnx")
    with pytest.raises(ModelFileError, match=r"not uint8\[N, 260, 260, 3\] \(or another square\)"):
        Detector.load(tmp_path / "oblong.onnx", "cpu")

"""``scan-export --precision``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from click.testing import CliRunner

from export import variants
from export.cli import command
from export.exporter import ExportOptions, write_model
from export.variants import Precision
from models.contract import (
    ModelMetadata,
)
from models.storage import Store
from models.support.errors import Failure
from models.weights import sha256_file, shipped_weights
from scanner import Detector


def run(*arguments: object) -> tuple[int, str]:
    """Exit code of Click's own runner and everything that was said; failures of ours come through."""
    done = CliRunner().invoke(command, [str(a) for a in arguments])
    if isinstance(done.exception, Failure):
        raise done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("source", "arguments", "said"),
    [
        ("x.onnx", ["--precision", "fp16"], "is not written unmeasured: --measure-on DATA"),
        ("x.onnx", ["--precision", "int8", "--measure-on", "DATA"], "--calibrate-on DATA"),
        (
            "x.onnx",
            ["--precision", "fp16", "--measure-on", "D", "--calibrate-on", "D"],
            "for --precision int8",
        ),
        ("run", ["--measure-on", "DATA"], "--measure-on is for --precision fp16, bf16 or int8"),
        ("run", ["--calibrate-on", "DATA"], "--calibrate-on is for --precision"),
        ("run", ["--device", "cpu"], "--device is for --precision"),
        ("x.onnx", [], "SOURCE is an exported file already"),
        (
            "x.onnx",
            ["--precision", "fp16", "--measure-on", "D", "--store", "fp16"],
            "--store is for checkpoints",
        ),
        (
            "x.onnx",
            ["--precision", "fp16", "--measure-on", "D", "--no-calibration"],
            "--no-calibration is for",
        ),
    ],
)
def test_contradictions_are_usage_errors(
    source: str, arguments: list[str], said: str, tmp_path: Path
) -> None:
    code, output = run(tmp_path / source, "--out", tmp_path / "out.onnx", *arguments)
    assert code == 2 and said in " ".join(output.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("tolerant")
def test_the_command_makes_a_variant_of_an_exported_file(reference: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.int8.onnx"
    code, said = run(
        reference, "--out", out, "--precision", "int8", "--calibrate-on", data, "--calibration-images", 8,
        "--name", "renamed",
    )  # fmt: skip
    assert code == 0
    metadata = Detector.load(out, "cpu").metadata
    assert (metadata.name, metadata.version, metadata.precision) == ("renamed", "1", "int8")
    assert metadata.precision_check is not None
    assert metadata.precision_check["quantised_on"] == {"data": "faces, fit role", "images": 8}
    for words in (
        sha256_file(out),
        "precision    int8",
        "from 8 fit images of faces",
        "threshold 0.8",
        "16 images",
    ):
        assert words in said


@pytest.mark.slow
@pytest.mark.usefixtures("tolerant")
def test_the_command_makes_a_variant_of_a_checkpoint_by_way_of_its_fp32_file(
    reference: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, ExportOptions]] = []

    def export(checkpoint: Path, file: Path, options: ExportOptions) -> Any:
        asked.append((checkpoint, options))
        shutil.copy(reference, file)
        return SimpleNamespace(file=file)

    monkeypatch.setattr("export.exporter.export_checkpoint", export)
    out = tmp_path / "model.fp16.onnx"
    arguments = [
        "--precision",
        "fp16",
        "--measure-on",
        data,
        "--device",
        "cpu",
        "--store",
        "fp16",
        "--name",
        "x",
    ]
    assert run("some.pt", "--out", out, *arguments)[0] == 0
    assert asked == [(Path("some.pt"), ExportOptions(Store.FP16, name="x"))]
    metadata = Detector.load(out, "cpu").metadata
    assert metadata.precision == "fp16" and metadata.precision_check is not None
    assert metadata.precision_check["reference_sha256"] == sha256_file(reference)
    assert [path.name for path in tmp_path.iterdir()] == ["model.fp16.onnx"]


def test_int8_without_images_is_a_mistake_of_the_caller(reference: Path) -> None:
    convert_to: Callable[..., object] = variants.convert_to
    with pytest.raises(ValueError, match="images"):
        convert_to(Precision.INT8, onnx.load(str(reference)), None, where="small")


def test_fp32_files_are_written_as_before_there_were_variants(tmp_path: Path) -> None:
    shipped = shipped_weights().path
    model = onnx.load(str(shipped))
    metadata = ModelMetadata.from_props({p.key: p.value for p in model.metadata_props}, where="shipped")
    write_model(model, metadata, tmp_path / "again.onnx")
    assert metadata.precision == "fp32"
    assert sha256_file(tmp_path / "again.onnx") == sha256_file(shipped)

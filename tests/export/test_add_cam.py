"""``scan-export --add-cam``: the whole command on a file of before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import toy_network
from tiny_onnx import write_tiny_model

from export import add_cam
from export.cam import without_cam
from export.cli import command
from export.convert import convert
from export.exporter import write_model
from export.images import proof_images
from models.contract import Label, ModelMetadata, Threshold
from models.storage import Store
from models.support.errors import run_command
from models.weights import sha256_file
from scanner import Detector

METADATA = ModelMetadata(
    "toy", "7", "fake", license="a licence", temperature=1.5, calibrated=True, calibration_prior=0.5,
    thresholds={"default": Threshold(0.8, "tests", 0.05, 0.5)}, inconclusive_low=0.2, parity={"images": 32},
)  # fmt: skip


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported file without the output."""
    torch.manual_seed(2)
    model = convert(toy_network.Toy().eval(), positive=Label.FAKE, temperature=1.5, store=Store.FP32)
    file = tmp_path_factory.mktemp("old") / "old.onnx"
    write_model(without_cam(model), METADATA, file)
    return file


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        run_command(command, [str(a) for a in arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.slow
def test_the_new_file_says_and_scores_what_the_old_one_did(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, before = tmp_path / "new.onnx", old.read_bytes()
    assert run("--add-cam", old, "--out", out) == 0
    said = capsys.readouterr().out
    assert "logit and prob_fake equal to the last bit, over 32 images" in said
    assert sha256_file(out) in said and sha256_file(old) in said and sha256_file(out) != sha256_file(old)
    assert old.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["new.onnx"]
    props = [{p.key: p.value for p in onnx.load(str(file)).metadata_props} for file in (old, out)]
    assert props[0] == props[1]
    detectors = [Detector.load(file, "cpu") for file in (old, out)]
    assert detectors[1].metadata == METADATA
    images = proof_images(seed=5)
    (theirs, ours), (_, cam) = [one.score(images) for one in detectors], detectors[1].cams(images)
    np.testing.assert_array_equal(theirs.logit, ours.logit)
    np.testing.assert_array_equal(theirs.prob_fake, ours.prob_fake)
    assert np.ptp(cam.mean((1, 2)) - ours.logit) < 1e-5
    assert without_cam(onnx.load(str(out))) == onnx.load(str(old))


@pytest.mark.slow
def test_what_has_it_already_is_refused(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(old, "--add-cam", "--out", tmp_path / "new.onnx")
    capsys.readouterr()
    assert run("--add-cam", tmp_path / "new.onnx", "--out", tmp_path / "twice.onnx") == 2
    assert "has the output cam already" in capsys.readouterr().err
    assert not (tmp_path / "twice.onnx").exists()


@pytest.mark.slow
def test_another_map_gives_way_and_the_version_may_change(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.onnx"
    run(old, "--add-cam", "--out", new)
    model = onnx.load(str(new))
    (last,) = (node for node in model.graph.node if "cam" in node.output)
    last.op_type = "Neg"
    write_model(model, METADATA, tmp_path / "before.onnx")
    out = tmp_path / "after.onnx"
    assert run("--add-cam", tmp_path / "before.onnx", "--out", out, "--model-version", "8") == 0
    assert "model        toy 8, all else that it says as before" in capsys.readouterr().out
    images = proof_images(seed=5)
    (_, ours), (_, theirs) = (Detector.load(file, "cpu").cams(images) for file in (out, new))
    np.testing.assert_array_equal(ours, theirs)
    assert Detector.load(out, "cpu").metadata == replace(METADATA, version="8")


def test_another_graph_a_missing_file_and_no_model_are_sentences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = write_tiny_model(tmp_path / "tiny.onnx", METADATA)
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    for file, words in (
        (tiny, "its logit is not that of one linear layer"),
        (tmp_path / "none.onnx", "does not exist"),
        (text, "not a readable ONNX file"),
    ):
        assert run("--add-cam", file, "--out", tmp_path / "new.onnx") == 2
        said = capsys.readouterr()
        assert said.out == "" and words in said.err and len(said.err.splitlines()) == 1
    assert not (tmp_path / "new.onnx").exists()


def test_a_score_that_moves_leaves_nothing(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = add_cam.detector_cams

    def moved(file: Path, device: str) -> Any:
        def score(images: Any) -> Any:
            logit, prob, cam = real(file, device)(images)
            return logit + np.float32(1e-6), prob, cam

        return score

    monkeypatch.setattr(add_cam, "detector_cams", moved)
    out = tmp_path / "new.onnx"
    out.write_bytes(b"an older file")
    assert run("--add-cam", old, "--out", out) == 2
    assert "the new output moved a score" in capsys.readouterr().err
    assert out.read_bytes() == b"an older file" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("option", [("--precision", "int8"), ("--name", "other"), ("--no-calibration",)])
def test_no_other_option_goes_with_it(
    option: tuple[str, ...], old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--add-cam", old, "--out", tmp_path / "new.onnx", *option) == 2
    assert f"{option[0]} does not go with --add-cam" in capsys.readouterr().err

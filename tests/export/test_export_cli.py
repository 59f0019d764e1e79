from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from export.cli import command
from models.contract import ModelMetadata
from models.support.errors import run_command
from models.weights import sha256_file


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        run_command(command, [str(a) for a in arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def only_error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a failed command says."""
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.mark.slow
def test_positive_real_turns_the_seeds_probabilities_round(
    seed_checkpoint: Path, out: Path, capsys: pytest.CaptureFixture[str], exports: Any, images: Any, load: Any
) -> None:
    """The whole command, proven by the scanner itself; the same tensors were exported as P(fake) before."""
    options = ["--positive", "real", "--name", "seed", "--model-version", "1", "--license", "research use"]
    assert run(seed_checkpoint, "--out", out, *options) == 0
    said = capsys.readouterr().out
    for words in (
        str(out),
        sha256_file(out),
        "seed 1",
        "P(real)",
        "fp32",
        "max |Δp|",
        "max |Δlogit|",
        "32 images",
    ):
        assert words in said

    props = {p.key: p.value for p in onnx.load(str(out)).metadata_props}
    metadata = ModelMetadata.from_props(props, where=str(out))
    assert (metadata.source_positive, metadata.label_orientation) == ("real", "positive=fake")
    assert (metadata.name, metadata.version, metadata.license) == ("seed", "1", "research use")
    assert metadata.training is None
    assert metadata.source_checkpoint_sha256 == sha256_file(seed_checkpoint)
    parity = metadata.parity
    assert parity is not None and parity["max_abs_prob"] <= 1e-4 and parity["images"] == 32

    logit_fake, p_fake = load(exports.fp32.file)(images[::4])
    logit_real, p_real = load(out)(images[::4])
    assert np.ptp(p_fake) > 0.3
    np.testing.assert_allclose(logit_real, -logit_fake, atol=1e-6)
    np.testing.assert_allclose(p_real, 1 - p_fake, atol=1e-6)


def test_bare_state_dict_without_positive(
    seed_checkpoint: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(seed_checkpoint, "--out", out) == 2
    assert "--positive real" in only_error(capsys)
    assert not out.exists()


def test_contradicting_positive(run_checkpoint: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(run_checkpoint, "--out", out, "--positive", "real") == 2
    assert "leave --positive out" in only_error(capsys)


def test_text_file(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "weights.pth"
    file.write_text("not a checkpoint")
    assert run(file, "--out", out, "--positive", "real") == 2
    assert "weights.pth is not a readable torch checkpoint" in only_error(capsys)


def test_missing_file(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nothing.pt", "--out", out) == 2
    assert "nothing.pt does not exist" in only_error(capsys)


def test_another_architecture(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(torch.nn.Linear(3, 1).state_dict(), tmp_path / "linear.pt")
    assert run(tmp_path / "linear.pt", "--out", out, "--positive", "fake") == 2
    assert "is not an EfficientNet-B4 with one logit" in only_error(capsys)


@pytest.mark.slow
def test_thousand_classes(state: Any, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = state | {"classifier.1.weight": torch.zeros(1000, 1792), "classifier.1.bias": torch.zeros(1000)}
    torch.save(other, tmp_path / "imagenet.pth")
    assert run(tmp_path / "imagenet.pth", "--out", out, "--positive", "fake") == 2
    assert "ImageNet's classes: it has not learnt to tell fakes" in only_error(capsys)


def test_missing_parent_folder(
    seed_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(seed_checkpoint, "--out", tmp_path / "no" / "model.onnx", "--positive", "real") == 2
    assert "make it first" in only_error(capsys)


def test_missing_extra_names_the_remedy(
    seed_checkpoint: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert run(seed_checkpoint, "--out", out) == 2
    assert 'scan-export needs torchvision: pip install "deepfake-scanner[train]"' in only_error(capsys)


def test_constant_probabilities_are_warned_of(
    run_checkpoint: Path,
    out: Path,
    exports: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for spread, warned in ((0.0, True), (0.1, False)):
        parity = replace(exports.fp32.parity, prob_min=0.5, prob_max=0.5 + spread)
        report = replace(exports.fp32, parity=parity)
        monkeypatch.setattr("export.exporter.export_checkpoint", lambda *_, report=report, **__: report)
        assert run(run_checkpoint, "--out", out) == 0
        assert ("warning: " in capsys.readouterr().err) is warned


@pytest.mark.slow
def test_onnxscript_that_does_not_fit_torch_is_a_sentence(
    run_checkpoint: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'onnxscript.for_this_torch'")

    monkeypatch.setattr("torch.onnx.export", export)
    assert run(run_checkpoint, "--out", out) == 2
    assert "pip install --upgrade onnxscript" in only_error(capsys)
    assert list(out.parent.iterdir()) == []


def test_help_pays_for_click_alone() -> None:
    code = (
        "import sys; from export.cli import command; command(['--help'], standalone_mode=False); "
        "print(sorted({'torch', 'numpy', 'onnx', 'onnxruntime', 'PIL'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "SOURCE" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"

"""OpenVINO by choice: the same scores, in the precision that the model names, and nothing reported to anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.support.errors import ModelFileError
from scanner import Detector, DeviceError
from scanner.inference import openvino
from scanner.results.identity import Identity

pytestmark = pytest.mark.own_process

MakeModel = Callable[..., Path]

BATCH = np.stack([np.full((260, 260, 3), value, np.uint8) for value in range(20, 250, 10)])


@pytest.fixture(scope="module")
def on_openvino(model: Path) -> Detector:
    return Detector.load(model, "openvino")


def test_scores_are_those_of_onnxruntime(on_openvino: Detector, detector: Detector) -> None:
    ours, theirs = on_openvino.score(BATCH), detector.score(BATCH)
    # The toy adds 200,000 numbers up in a row, in another order; tests/export compares a network.
    np.testing.assert_allclose(ours.logit, theirs.logit, atol=1e-3)
    assert ours.logit.dtype == ours.prob_fake.dtype == np.float32
    assert (on_openvino.device, on_openvino.provider, on_openvino.fallback) == ("openvino", "OpenVINO", None)
    assert on_openvino.runtime.startswith("openvino 20")
    assert not on_openvino.on_gpu


def test_neither_batches_nor_threads_move_a_score(on_openvino: Detector) -> None:
    together = on_openvino.score(BATCH).logit
    with ThreadPoolExecutor(8) as pool:
        alone = list(pool.map(lambda image: float(on_openvino.score(image[np.newaxis]).logit[0]), BATCH))
    assert together.tolist() == alone
    assert len(set(alone)) == len(alone)


def test_the_command_scans_with_it_and_says_so(scan: Callable[..., Any], here: Path, rows_of: Any) -> None:
    assert scan("in", "--out", "a.csv", "--exit-zero").code == 0
    run = scan("in", "--out", "b.csv", "--exit-zero", "--device", "openvino")
    assert run.code == 0 and "on openvino (OpenVINO" in run.err
    ours, theirs = rows_of(here / "b.csv"), rows_of(here / "a.csv")
    assert [row["path"] for row in ours] == [row["path"] for row in theirs]
    assert [float(row["prob_fake"]) for row in ours] == pytest.approx(
        [float(row["prob_fake"]) for row in theirs], abs=1e-4
    )
    manifest = json.loads((here / "b.run.json").read_text())
    assert manifest["device"] == {"used": "openvino", "provider": "OpenVINO", "fallback": None}


def test_the_edge_is_the_models(make_model: MakeModel) -> None:
    image = np.full((1, 96, 96, 3), 200, np.uint8)
    assert Detector.load(make_model(size=96), "openvino").score(image).logit == pytest.approx(
        [2.25], abs=1e-3
    )


def test_results_of_another_runtime_are_not_taken_over(
    on_openvino: Detector, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Identity.of(on_openvino.facts).key()
    assert before != Identity.of(detector.facts).key()
    monkeypatch.setattr("scanner.inference.providers.runtime_version", lambda: "1999.1.0")
    assert Identity.of(Detector.load(on_openvino.path, "openvino").facts).key() != before


def test_a_model_is_computed_in_the_precision_that_it_names(
    make_model: MakeModel, detector: Detector
) -> None:
    # Left to itself, OpenVINO takes bf16 for any model where the processor has it.
    compiled = Detector.load(detector.path, "openvino")._session._compiled  # type: ignore[union-attr]
    assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() in ("f32", "float32")
    core = openvino.load_openvino().Core()
    rounded = make_model(replace(detector.metadata, precision="bf16"))
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        compiled = Detector.load(rounded, "openvino")._session._compiled  # type: ignore[union-attr]
        assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() in ("bf16", "bfloat16")
    else:
        with pytest.raises(DeviceError, match="bf16, which this processor cannot"):
            Detector.load(rounded, "openvino")


def test_a_processor_without_bf16_refuses_a_bf16_model(
    make_model: MakeModel, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = SimpleNamespace(get_property=lambda device, name: ["FP32", "INT8"])
    monkeypatch.setattr(openvino.load_openvino(), "Core", lambda: core)
    with pytest.raises(DeviceError, match=r"bf16, which this processor cannot; scan with the fp32 file"):
        Detector.load(make_model(replace(detector.metadata, precision="bf16")), "openvino")


def test_a_precision_that_openvino_does_not_take_is_an_error(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        openvino.load_openvino().CompiledModel,
        "get_property",
        lambda self, name: SimpleNamespace(to_string=lambda: "bfloat16"),
    )
    with pytest.raises(
        DeviceError, match=r"would compute in bfloat16 and not in f32; scan with --device cpu"
    ):
        Detector.load(model, "openvino")


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_no_other_device_runs_a_bf16_model(make_model: MakeModel, detector: Detector, device: str) -> None:
    file = make_model(replace(detector.metadata, precision="bf16"))
    with pytest.raises(
        DeviceError, match=r"bright\.onnx computes in bf16, which only --device openvino does"
    ):
        Detector.load(file, device)


def test_what_only_onnxruntime_can_load_is_refused_with_the_way_out(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: object, graph: object) -> None:
        raise RuntimeError("Node of an unknown kind\nand more")

    monkeypatch.setattr(openvino.load_openvino().Core, "read_model", fails)
    with pytest.raises(
        ModelFileError, match=r"OpenVINO can load \(RuntimeError\); scan it with --device cpu"
    ):
        Detector.load(model, "openvino")


def test_without_openvino_the_remedy_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(
        DeviceError, match=r'pip install "deepfake-scanner\[openvino\]", or scan with --device cpu'
    ):
        Detector.load(model, "openvino")


def test_an_openvino_that_is_broken_is_not_called_missing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino.py").write_text("raise ImportError('libopenvino.so: cannot open')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    with pytest.raises(DeviceError, match=r"is installed and cannot be loaded \(ImportError: libopenvino"):
        Detector.load(model, "openvino")


REPORTS = """
import socket, sys
def refused(*_, **__):
    print("a connection was tried")
    raise OSError("no connections here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
from pathlib import Path
from scanner import Detector
Detector.load(Path(sys.argv[1]), "openvino")
print(sorted(name for name in sys.modules if name.startswith("openvino_telemetry") and sys.modules[name]))
"""


def test_nothing_is_reported_and_no_identifier_is_kept(model: Path, tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", REPORTS, str(model)], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]"]
    assert list(tmp_path.iterdir()) == []

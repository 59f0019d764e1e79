from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from export.exporter import ExportOptions, Proof, export_checkpoint, write_proven
from export.parity import ParityError
from models.contract import Label, ModelMetadata
from models.network import state_dict_from_onnx
from models.support.errors import ModelFileError, OutputError
from models.weights import sha256_file


def test_checker_passes_and_report_describes_the_file(exports: Any) -> None:
    for report in exports:
        onnx.checker.check_model(str(report.file), full_check=True)
        assert report.sha256 == sha256_file(report.file)
        assert report.size == report.file.stat().st_size


def test_inputs_and_outputs_are_the_contracts(exports: Any) -> None:
    for report in exports:
        graph = onnx.load(str(report.file)).graph

        def described(value: Any) -> tuple[Any, ...]:
            tensor = value.type.tensor_type
            return value.name, tensor.elem_type, [d.dim_param or d.dim_value for d in tensor.shape.dim]

        assert [described(v) for v in graph.input] == [("image", TensorProto.UINT8, ["N", 260, 260, 3])]
        assert [described(v) for v in graph.output] == [
            ("prob_fake", TensorProto.FLOAT, ["N"]),
            ("logit", TensorProto.FLOAT, ["N"]),
            ("cam", TensorProto.FLOAT, ["N", 9, 9]),
        ]


@pytest.mark.slow
def test_any_batch_size_gives_the_same_scores(exports: Any, images: Any, load: Any) -> None:
    score = load(exports.fp32.file)
    _, together = score(images[:7])
    alone = [score(images[i : i + 1])[1] for i in range(7)]
    assert all(p.shape == (1,) and p.dtype == np.float32 for p in alone)
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-6)


def test_every_export_is_proven_and_its_probabilities_spread(exports: Any) -> None:
    for report in exports:
        assert 0 <= report.parity.max_abs_prob <= 1e-4
        assert report.parity.prob_max - report.parity.prob_min > 0.3
        assert report.parity.images == 32
        assert report.metadata.parity["max_abs_prob"] == report.parity.max_abs_prob


def test_fp32_file_gives_the_network_back_bit_for_bit(exports: Any, state: Any) -> None:
    rebuilt = state_dict_from_onnx(exports.fp32.file)
    assert list(rebuilt) == list(state)
    assert all(torch.equal(rebuilt[name], state[name]) for name in state)


@pytest.mark.slow
def test_fp16_file_gives_the_rounded_network_back_bit_for_bit(exports: Any, state: Any) -> None:
    rebuilt = state_dict_from_onnx(exports.fp16.file)
    rounded = {k: v.half().float() if v.is_floating_point() else v for k, v in state.items()}
    assert all(torch.equal(rebuilt[name], rounded[name]) for name in state)
    assert any(not torch.equal(rounded[name], state[name]) for name in state)


def test_fp16_file_is_small_and_computes_in_fp32(exports: Any, state: Any) -> None:
    assert exports.fp16.size < 40e6 < exports.fp32.size
    graph = onnx.load(str(exports.fp16.file)).graph
    stored = {i.name: i.data_type for i in graph.initializer}
    parameters = [k for k in state if not k.endswith("num_batches_tracked")]
    assert {stored[name] for name in parameters} == {TensorProto.FLOAT16}
    readers = [node for node in graph.node if set(node.input) & set(parameters)]
    assert len(readers) == len(parameters)
    assert {(n.op_type, n.attribute[0].i) for n in readers} == {("Cast", TensorProto.FLOAT)}


def test_batchnorm_stays_unfolded_and_nothing_odd_is_in_the_graph(exports: Any) -> None:
    for report in exports:
        graph = onnx.load(str(report.file)).graph
        kinds = Counter(node.op_type for node in graph.node if not node.output[0].startswith("cam"))
        assert kinds["BatchNormalization"] == 96
        assert kinds["Conv"] == 160
        assert not kinds.keys() & {"Gather", "Range", "Expand", "CastLike", "Shape", "If"}


def test_file_says_nothing_of_the_machine_that_made_it(exports: Any) -> None:
    package = Path(importlib.util.find_spec("export").submodule_search_locations[0])  # type: ignore[union-attr,index]
    folders = [package.parent, Path(torch.__file__).parent.parent, Path.home(), exports.fp32.file.parent]
    for report in exports:
        data = report.file.read_bytes()
        words = [
            b"stack_trace",
            b"site-packages",
            b"pkg.torch",
            *(str(folder).encode() for folder in folders),
        ]
        assert [word for word in words if word in data] == []
        model = onnx.load(str(report.file))
        for tensor in model.graph.initializer:
            # Seventy million random bytes hold any short word.
            tensor.ClearField("raw_data")
        rest = model.SerializeToString()
        assert len(rest) < 300_000
        assert [word for word in (b".py", b'File "', b"line ", b"export.") if word in rest] == []


def test_metadata_holds_every_key_and_nothing_else(exports: Any) -> None:
    for report in exports:
        props = {p.key: p.value for p in onnx.load(str(report.file)).metadata_props}
        left_out = {
            "faces",
            "network",
            "precision",
            "precision_check",
            "thresholds_by_faces",
            "inconclusive_band",
        }
        assert props.keys() == {f.name for f in fields(ModelMetadata)} - left_out
        assert ModelMetadata.from_props(props, where="the file") == report.metadata


def test_metadata_of_a_run_says_where_it_comes_from(exports: Any, run_checkpoint: Path) -> None:
    metadata = exports.fp32.metadata
    digest = sha256_file(run_checkpoint / "best.pt")
    assert (metadata.name, metadata.version) == ("first-run", digest[:12])
    assert metadata.source_checkpoint_sha256 == digest
    assert metadata.training["select_auc"] == 0.75
    assert (metadata.calibrated, metadata.temperature, metadata.source_positive) == (False, 1.0, "fake")
    assert metadata.store == "fp32" and metadata.license is None
    named = exports.fp16.metadata
    assert (named.name, named.version, named.license, named.store) == ("named", "1.2", "research use", "fp16")


@pytest.mark.slow
def test_temperature_of_the_graph_divides_the_logit(
    exports: Any, images: Any, load: Any, tmp_path: Path
) -> None:
    model = onnx.load(str(exports.fp32.file))
    (stored,) = (i for i in model.graph.initializer if i.name == "temperature")
    stored.CopyFrom(numpy_helper.from_array(np.array(2.5, dtype=np.float32), "temperature"))
    onnx.save(model, str(tmp_path / "warm.onnx"))
    logit, prob = load(tmp_path / "warm.onnx")(images[:2])
    np.testing.assert_array_equal(logit, load(exports.fp32.file)(images[:2])[0])
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(-logit / 2.5)), rtol=1e-5)


@pytest.fixture
def proven(exports: Any, images: Any, load: Any) -> tuple[onnx.ModelProto, Proof]:
    """An exported model and a proof that it passes."""
    few = images[-3:]
    logit, prob = load(exports.fp32.file)(few)
    return onnx.load(str(exports.fp32.file)), Proof(few, (logit, prob), load)


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, b"an older model"])
def test_failed_proof_writes_nothing(before: bytes | None, proven: Any, exports: Any, tmp_path: Path) -> None:
    model, proof = proven
    out = tmp_path / "model.onnx"
    if before is not None:
        out.write_bytes(before)
    (bias,) = (i for i in model.graph.initializer if i.name == "classifier.1.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.005), bias.name))
    with pytest.raises(ParityError, match=r"model\.onnx was not written"):
        write_proven(model, exports.fp32.metadata, out, proof)
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["model.onnx"])
    assert before is None or out.read_bytes() == before


@pytest.mark.slow
def test_passed_proof_replaces_the_older_file(proven: Any, exports: Any, tmp_path: Path) -> None:
    model, proof = proven
    out = tmp_path / "model.onnx"
    out.write_bytes(b"an older model")
    report = write_proven(model, exports.fp32.metadata, out, proof)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    assert sha256_file(out) == report.sha256
    assert report.parity.max_abs_prob < 1e-6


@pytest.mark.slow
def test_same_model_gives_the_same_bytes(proven: Any, exports: Any, tmp_path: Path) -> None:
    model, proof = proven
    first = write_proven(model, exports.fp32.metadata, tmp_path / "a.onnx", proof)
    second = write_proven(model, exports.fp32.metadata, tmp_path / "b.onnx", proof)
    assert first.sha256 == second.sha256


def test_full_disk_is_a_sentence(
    proven: Any, exports: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        write_proven(proven[0], exports.fp32.metadata, tmp_path / "model.onnx", proven[1])
    assert list(tmp_path.iterdir()) == []


def test_target_is_checked_before_the_checkpoint_is_read(seed_checkpoint: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pt"
    with pytest.raises(OutputError, match="does not exist; make it first"):
        export_checkpoint(missing, tmp_path / "no" / "model.onnx")
    with pytest.raises(OutputError, match="is a folder"):
        export_checkpoint(missing, tmp_path)
    with pytest.raises(OutputError, match="is the source itself"):
        export_checkpoint(seed_checkpoint, seed_checkpoint, ExportOptions(positive=Label.REAL))
    with pytest.raises(ModelFileError, match=r"missing\.pt does not exist"):
        export_checkpoint(missing, tmp_path / "model.onnx")

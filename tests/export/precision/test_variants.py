"""Variants of a small EfficientNet: what is computed, and what was lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from precision_variants import METADATA, device_for, options, save, small_network
from sklearn.metrics import roc_auc_score

from export import variants
from export.fp16 import to_fp16
from export.graph import finished, folded, parts
from export.int8 import QUANTISED, to_int8
from export.variant_check import Difference, VariantComparison
from export.variants import PrecisionLossError, export_variant, failure
from models.preprocessing import preprocess
from models.support.errors import ExitCode, ModelFileError
from models.weights import sha256_file
from scanner import Detector
from train.datasets.tree import read_tree

SAME_OF_ALL = ("name", "version", "license", "temperature", "thresholds", "inconclusive_low", "calibrated")


def scores(
    file: Path, data: Path, device: str = "cpu"
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Printed probabilities and labels of the validation split, by the detector alone."""
    images = read_tree(data, "validation")
    batch = np.stack([preprocess(image.path.read_bytes())[0] for image in images])
    probabilities = [float(f"{p:.6f}") for p in Detector.load(file, device).score(batch).prob_fake.tolist()]
    return np.array(probabilities), np.array([int(image.label) for image in images])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8", pytest.param("bf16", marks=pytest.mark.own_process)])
@pytest.mark.usefixtures("tolerant")
def test_a_variant_runs_in_the_scanner_and_says_what_it_lost(
    precision: str, reference: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "variant.onnx"
    report = export_variant(reference, out, options(precision, data))
    assert (report.sha256, report.size) == (sha256_file(out), out.stat().st_size)
    assert [path.name for path in tmp_path.iterdir()] == ["variant.onnx"]

    model, original = onnx.load(str(out)), onnx.load(str(reference))
    onnx.checker.check_model(model, full_check=True)
    assert list(model.graph.input) == list(original.graph.input)
    assert list(model.graph.output) == list(original.graph.output)
    assert {opset.domain for opset in model.opset_import} == {""}

    device = device_for(precision)
    metadata = Detector.load(out, device).metadata
    assert metadata == report.metadata
    # bf16 is not stored: the runtime rounds.
    store = METADATA.store if precision == "bf16" else precision
    assert (metadata.precision, metadata.store, metadata.parity) == (precision, store, None)
    for key in SAME_OF_ALL:
        assert getattr(metadata, key) == getattr(METADATA, key)

    (before, labels), (after, _) = scores(reference, data, device), scores(out, data, device)
    check = metadata.precision_check
    assert check is not None
    assert check["reference_sha256"] == sha256_file(reference)
    assert check["data"] == "faces, validation"
    assert check["runtime"].partition(" ")[0] == ("openvino" if precision == "bf16" else "onnxruntime")
    assert check["images"] == len(labels) == 16
    assert check["auc_reference"] == roc_auc_score(labels, before)
    assert check["auc"] == roc_auc_score(labels, after)
    assert check["delta_auc"] == pytest.approx(check["auc"] - check["auc_reference"])
    assert check["max_abs_delta_p"] == pytest.approx(np.abs(after - before).max(), abs=1e-9)
    assert np.ptp(before) > 0.2, "probabilities that do not spread prove nothing"
    assert 0 < check["max_abs_delta_p"] < 0.1
    assert (check["quantised_on"] is not None) is (precision == "int8")


@pytest.mark.own_process
def test_openvino_computes_an_fp32_file_as_onnxruntime_does(reference: Path, data: Path) -> None:
    (ours, _), (theirs, _) = scores(reference, data, "openvino"), scores(reference, data)
    np.testing.assert_allclose(ours, theirs, atol=3e-6)


@pytest.mark.slow
def test_int8_convolutions_are_integers_and_the_rest_is_what_the_lists_say(
    reference: Path, pixels: npt.NDArray[np.uint8]
) -> None:
    plain = folded(onnx.load(str(reference)))
    found = parts(plain, where="small")
    kinds = Counter(node.op_type for node in plain.graph.node)
    assert kinds["BatchNormalization"] == 0
    quantised = to_int8(plain, found, pixels)
    made_by = {output: node for node in quantised.graph.node for output in node.output}
    for node in quantised.graph.node:
        if node.op_type in QUANTISED and node.name in found.pooled:
            assert "DequantizeLinear" not in {made_by[i].op_type for i in node.input if i in made_by}
        elif node.op_type == "Conv":
            assert {made_by[i].op_type for i in node.input} == {"DequantizeLinear"}
    # Three blocks of two squeeze-and-excitation convolutions stay; the head has no convolution.
    assert len([n for n in plain.graph.node if n.op_type == "Conv" and n.name in found.pooled]) == 6


def test_int8_weights_keep_to_seven_bits_and_sigmoids_to_their_range(
    reference: Path, pixels: npt.NDArray[np.uint8]
) -> None:
    plain = folded(onnx.load(str(reference)))
    graph = to_int8(plain, parts(plain, where="small"), pixels).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = [array for array in tensors.values() if array.dtype == np.int8 and array.ndim == 4]
    assert weights and max(np.abs(array.astype(np.int32)).max() for array in weights) <= 64
    sigmoids = {node.output[0] for node in graph.node if node.op_type == "Sigmoid"}
    scales = {
        float(tensors[node.input[1]])
        for node in graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] in sigmoids
    }
    assert scales == {float(np.float32(1 / 255))}


def test_fp16_computes_in_halves_between_an_fp32_beginning_and_head(reference: Path) -> None:
    plain = folded(onnx.load(str(reference)))
    found = parts(plain, where="small")
    model = finished(to_fp16(plain, found, where="small"), onnx.load(str(reference)))
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    kinds = {v.name: v.type.tensor_type.elem_type for v in [*model.graph.value_info, *model.graph.output]}
    for node in model.graph.node:
        if node.op_type == "Cast":
            continue
        expected = TensorProto.FLOAT16 if node.name in found.body else TensorProto.FLOAT
        if node.op_type != "Transpose":  # of the uint8 input
            assert {kinds[output] for output in node.output} == {expected}, node.name
    assert [n.op_type for n in model.graph.node if n.op_type == "Cast"].count("Cast") == 3
    assert {n.op_type for n in model.graph.node if n.name in found.head} == {
        "Gemm",
        "Reshape",
        "Div",
        "Sigmoid",
    }


@pytest.mark.slow
def test_fp16_refuses_weights_that_it_cannot_hold(reference: Path, data: Path, tmp_path: Path) -> None:
    network = small_network()
    with torch.no_grad():
        network.features[0][0].weight *= 1e7
        network.features[0][1].running_var.fill_(1.0)
    huge = save(network, tmp_path / "huge.onnx")
    with pytest.raises(ModelFileError, match=r"beyond fp16's 65504 .*--precision fp32"):
        export_variant(huge, tmp_path / "out.onnx", options("fp16", data))
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("tolerant")
def test_two_int8_exports_are_the_same_bytes(reference: Path, data: Path, tmp_path: Path) -> None:
    made = [
        export_variant(reference, tmp_path / name, options("int8", data)).sha256
        for name in ("a.onnx", "b.onnx")
    ]
    assert made[0] == made[1]


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, b"an older model"])
def test_a_variant_that_loses_too_much_is_not_written(
    before: bytes | None, reference: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model.onnx"
    if before is not None:
        out.write_bytes(before)

    def spoilt(model: onnx.ModelProto, *_: object) -> onnx.ModelProto:
        """A classifier that answers the opposite."""
        for tensor in model.graph.initializer:
            if tensor.name.startswith("classifier.1"):
                tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
        return model

    monkeypatch.setattr(variants, "to_int8", spoilt)
    with pytest.raises(PrecisionLossError) as caught:
        export_variant(reference, out, options("int8", data))
    message = str(caught.value)
    assert caught.value.exit_code == ExitCode.INCOMPLETE
    assert "model.onnx was not written" in message and "a loss of" in message
    assert "--calibration-images" in message and "\n" not in message
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["model.onnx"])
    assert before is None or out.read_bytes() == before


def difference(delta: float) -> Difference:
    return Difference(100, 0.9, 0.9 + delta, delta, 0.1, 0.01)


@pytest.mark.parametrize(
    ("comparison", "reason"),
    [
        ({"all": difference(-0.0049)}, None),
        ({"all": difference(0.2)}, None),
        ({"all": difference(-0.0051)}, "on all images of faces, validation its AUC"),
        ({"all": difference(float("nan"))}, "on all images"),
        ({"all": difference(0.01), "sources": {"one": difference(-0.2)}}, "on one of faces"),
        ({"all": difference(0.0), "lost": 2}, "no finite score for 2 images"),
    ],
)
def test_what_is_too_much(comparison: dict[str, Any], reason: str | None) -> None:
    fields = {
        "data": "faces, validation",
        "device": "cpu",
        "runtime": "onnxruntime 1",
        "sources": {},
        "not_scored": 0,
        "lost": 0,
    }
    said = failure(VariantComparison(**(fields | comparison)))
    assert (said is None) if reason is None else (said is not None and reason in said)

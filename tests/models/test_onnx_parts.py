"""An output taken out of a file's bytes is what the package onnx takes out of its graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from cam_onnx import with_cam as tiny_with_cam
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tiny_onnx import write_tiny_model

from export.cam import without_cam
from models.contract import ModelMetadata
from models.support.onnx_parts import without_output
from models.weights import resolve_model


def test_the_shipped_file_loses_what_the_package_would_take() -> None:
    content = resolve_model(None)[0].read_bytes()
    found = without_output(content, "cam")
    assert found.is_map
    assert onnx.load_model_from_string(found.without) == without_cam(onnx.load_model_from_string(content))
    again = without_output(found.without, "cam")
    assert again.without is found.without and not again.is_map


def test_what_the_scores_read_stays(tmp_path: Path) -> None:
    file = tiny_with_cam(write_tiny_model(tmp_path / "tiny.onnx", ModelMetadata("tiny", "1", "fake")))
    model = onnx.load(str(file))
    # The scores' own node reads a constant with a name that is the map's.
    reader = next(node for node in model.graph.node if node.output[0] == "logit")
    model.graph.node.remove(reader)
    reader.output[0] = "cam.of_the_scores"
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), "cam.nought"))
    model.graph.node.append(reader)
    model.graph.node.append(helper.make_node("Add", ["cam.of_the_scores", "cam.nought"], ["logit"]))
    found = without_output(model.SerializeToString(), "cam")
    left = onnx.load_model_from_string(found.without)
    made = {name for node in left.graph.node for name in node.output}
    assert "cam.of_the_scores" in made and "cam.pooled" not in made
    assert "cam.nought" in {tensor.name for tensor in left.graph.initializer}
    assert [output.name for output in left.graph.output if output.name == "cam"] == []


@pytest.mark.parametrize(
    ("kind", "shape", "is_map"),
    [
        (TensorProto.FLOAT, ["N", 9, 9], True),
        (TensorProto.FLOAT, ["N", "h", "w"], True),
        (TensorProto.FLOAT, None, True),
        (TensorProto.FLOAT, ["N", 9], False),
        (TensorProto.INT64, ["N", 9, 9], False),
    ],
)
def test_only_floats_in_three_dimensions_are_a_map(
    kind: int, shape: list[str | int] | None, is_map: bool, tmp_path: Path
) -> None:
    file = tiny_with_cam(write_tiny_model(tmp_path / "tiny.onnx", ModelMetadata("tiny", "1", "fake")))
    model = onnx.load(str(file))
    (old,) = (output for output in model.graph.output if output.name == "cam")
    old.CopyFrom(helper.make_tensor_value_info("cam", kind, shape))
    assert without_output(model.SerializeToString(), "cam").is_map is is_map


@given(st.binary(max_size=200))
def test_what_is_no_model_comes_back_as_it_is(content: bytes) -> None:
    found = without_output(content, "cam")
    assert found.without == content and not found.is_map


def test_a_file_that_was_cut_off_costs_a_refusal_and_no_crash() -> None:
    content = resolve_model(None)[0].read_bytes()
    for kept in (0, 1, 10, 1000, len(content) // 2, len(content) - 1):
        found = without_output(content[:kept], "cam")
        assert found.without == content[:kept] or len(found.without) < kept

"""A model that costs next to nothing: what a scan with it does is everything but the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.contract import IMAGE_SIZE, INPUT_NAME, OUTPUT_LOGIT, OUTPUT_PROB_FAKE, ModelMetadata


def write_null_model(path: Path) -> Path:
    """A contract-1 model that looks at the first number of each picture."""
    constants = {"begin": [0, 0, 0], "end": [1, 1, 1], "axes": [1, 2, 3], "flat": [-1]}
    graph = helper.make_graph(
        [
            helper.make_node("Slice", [INPUT_NAME, "begin", "end", "axes"], ["corner"]),
            helper.make_node("Reshape", ["corner", "flat"], ["number"]),
            helper.make_node("Cast", ["number"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["float", "middle"], [OUTPUT_LOGIT]),
            helper.make_node("Sigmoid", [OUTPUT_LOGIT], [OUTPUT_PROB_FAKE]),
        ],
        "null",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, ["N", IMAGE_SIZE, IMAGE_SIZE, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"])
            for name in (OUTPUT_LOGIT, OUTPUT_PROB_FAKE)
        ],
        [
            *(numpy_helper.from_array(np.array(value), name) for name, value in constants.items()),
            numpy_helper.from_array(np.array(128, np.float32), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, ModelMetadata("null", "1", "fake").to_props())
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path

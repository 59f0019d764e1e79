"""A model that calls bright pictures fake, for tests of several rooms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.contract import ModelMetadata


def write_brightness_model(path: Path, metadata: ModelMetadata, *, sign: float = 1.0) -> Path:
    """Of contract 1: ``logit = sign × (mean of the pixels - 128) / 32``."""
    constants = {"axes": np.array([1, 2, 3]), "middle": np.float32(128), "spread": np.float32(32 * sign)}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
            helper.make_node("Sub", ["mean", "middle"], ["centred"]),
            helper.make_node("Div", ["centred", "spread"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["prob_fake"]),
        ],
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 260, 260, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("logit", "prob_fake")],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(proto, metadata.to_props())
    onnx.save(proto, str(path))
    return path

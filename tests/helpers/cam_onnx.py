"""Heat maps for the tiny models of :mod:`tiny_onnx`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def with_cam(file: Path, spread: float = 32.0) -> Path:
    """A tiny model's ``logit = (mean - 128) / spread`` by the cells of 4 × 4."""
    model = onnx.load(str(file))
    graph = model.graph
    constants = {"cam.axes": np.array([3]), "cam.middle": np.float32(128), "cam.spread": np.float32(spread)}
    edge = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    graph.node.extend(
        [
            helper.make_node("ReduceMean", ["float", "cam.axes"], ["grey"], keepdims=0),
            helper.make_node("Sub", ["grey", "cam.middle"], ["cam.centred"]),
            helper.make_node("Div", ["cam.centred", "cam.spread"], ["cam.pixels"]),
            helper.make_node("Unsqueeze", ["cam.pixels", "last"], ["cam.planes"]),
            helper.make_node(
                "AveragePool", ["cam.planes"], ["cam.pooled"], kernel_shape=[edge // 4] * 2, strides=[edge // 4] * 2
            ),
            helper.make_node("Squeeze", ["cam.pooled", "last"], ["cam"]),
        ]
    )  # fmt: skip
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    graph.output.append(helper.make_tensor_value_info("cam", TensorProto.FLOAT, ["N", 4, 4]))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(file))
    return file

"""The one builder of small ONNX models for tests: the mean of a picture's pixels, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.contract import ModelMetadata
from models.faces.law import face_law

FACES = ModelMetadata("bright", "3", "fake", preprocess=2, faces=face_law(1.2))
"""What a model of faces says of itself."""

# From the mean of the pixels to the logit; the last two fail for pictures of 200 and brighter.
LOGITS = {
    "brightness": [
        helper.make_node("Sub", ["mean", "middle"], ["centred"]),
        helper.make_node("Div", ["centred", "spread"], ["raw"]),
    ],
    "mean": [helper.make_node("Identity", ["mean"], ["raw"])],
    "nan if bright": [
        helper.make_node("Sub", ["bright", "mean"], ["left"]),
        helper.make_node("Log", ["left"], ["raw"]),
    ],
    "crash if bright": [
        helper.make_node("Div", ["mean", "bright"], ["ratio"]),
        helper.make_node("Floor", ["ratio"], ["floor"]),
        helper.make_node("Cast", ["floor"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["one_zero", "index"], ["raw"]),
    ],
}


@dataclass(frozen=True)
class Signature:
    """Contract 1's, or a broken one."""

    size: int = 260
    batch: str | int = "N"
    dtype: int = TensorProto.UINT8
    outputs: tuple[str, str] = ("logit", "prob_fake")
    columns: bool = False
    """Outputs are ``float32[N, 1]``."""


def write_tiny_model(
    path: Path,
    metadata: ModelMetadata | None,
    signature: Signature | None = None,
    *,
    logit: str = "brightness",
    spread: float = 32.0,
    props: Mapping[str, str] | None = None,
) -> Path:
    """``brightness``: ``logit = (mean of the pixels - 128) / spread``, so that bright pictures are fake.

    ``props`` overrides single metadata values. The graph divides by the metadata's temperature.
    """
    signature = signature or Signature()
    constants = {
        "axes": np.array([1, 2, 3]),
        "middle": np.float32(128),
        "spread": np.float32(spread),
        "bright": np.float32(200),
        "one_zero": np.zeros(1, np.float32),
        "last": np.array([1]),
        "temperature": np.float32(1.0 if metadata is None else metadata.temperature),
    }
    logit_name, prob_name = signature.outputs
    shaping = (
        helper.make_node("Unsqueeze", ["raw", "last"], [logit_name])
        if signature.columns
        else helper.make_node("Identity", ["raw"], [logit_name])
    )
    pixels = [signature.batch, signature.size, signature.size, 3]
    numbers = [signature.batch, 1] if signature.columns else [signature.batch]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
            *LOGITS[logit],
            shaping,
            helper.make_node("Div", [logit_name, "temperature"], ["tempered"]),
            helper.make_node("Sigmoid", ["tempered"], [prob_name]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", signature.dtype, pixels)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, numbers) for name in signature.outputs],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if metadata is not None:
        helper.set_model_props(proto, metadata.to_props() | dict(props or {}))
    onnx.checker.check_model(proto)
    onnx.save(proto, str(path))
    return path

"""The int8 variant: static quantisation (QDQ) by onnxruntime, with the choices that squeeze-and-excitation needs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from export.graph import Parts
from models.contract import INPUT_NAME
from models.support.onnx_runtime import load_onnxruntime

QUANTISED = ("Conv", "Sigmoid", "Mul")
"""Convolutions, and the two operators of SiLU and of the squeeze-and-excitation product. Between integer
convolutions, activations in fp32 would cost more in conversions than the convolutions gain.

Not ``Add``: a residual sum adds up the rounding of a whole stage, and in fp32 it costs no time."""


def left_in_fp32(parts: Parts) -> list[str]:
    """Nodes of the kinds in :data:`QUANTISED` that are not quantised.

    All that is computed from pooled vectors: the two small convolutions of each squeeze-and-excitation, their
    activation and gate, and the head. They are below 1 % of the work, and an error in a gate scales a whole
    channel.
    """
    return sorted(parts.pooled)


def to_int8(model: onnx.ModelProto, parts: Parts, pixels: npt.NDArray[np.uint8]) -> onnx.ModelProto:
    """Quantise a folded fp32 graph; ``pixels`` uint8[N, 260, 260, 3] give the ranges of its activations.

    - Weights: int8, symmetric, one scale per output channel, in 7 of the 8 bits. With 8, x86 processors
      without VNNI saturate their 16-bit sums, and a score would depend on the processor.
    - Activations: uint8, one scale per tensor. The range is the mean over the images of their smallest and
      largest values: the extremes of all images would spend the 256 steps on a few outliers.
    - Sigmoids: always [0, 1], which they cannot leave. A measured range would cut the gates that open
      widest, which are the ones that matter.
    """
    tools = load_onnxruntime("quantization")
    options: dict[str, Any] = {
        "WeightSymmetric": True,
        # Over images that are read in one go, as here, it is their plain mean.
        "CalibMovingAverage": True,
        "TensorQuantOverrides": {
            node.output[0]: [{"rmin": np.float32(0), "rmax": np.float32(1)}]
            for node in model.graph.node
            if node.op_type == "Sigmoid" and node.name not in parts.head
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "folded.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(model.SerializeToString(deterministic=True))
        tools.quantize_static(
            str(source),
            str(result),
            _reader(tools, pixels),
            quant_format=tools.QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=left_in_fp32(parts),
            per_channel=True,
            reduce_range=True,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            calibrate_method=tools.CalibrationMethod.MinMax,
            extra_options=options,
        )
        return onnx.load(str(result))


def _reader(tools: ModuleType, pixels: npt.NDArray[np.uint8]) -> Any:
    """A ``CalibrationDataReader`` of one image at a time: an image's range is the unit that is averaged."""
    left = iter(pixels)

    def get_next(_: object) -> dict[str, npt.NDArray[np.uint8]] | None:
        image = next(left, None)
        return None if image is None else {INPUT_NAME: image[np.newaxis]}

    return type("Reader", (tools.CalibrationDataReader,), {"get_next": get_next})()

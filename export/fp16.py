"""The fp16 variant: the network in half precision, its two ends in fp32."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.graph import Parts
from models.support.errors import ModelFileError

FP16_MAX = 65504.0


def to_fp16(model: onnx.ModelProto, parts: Parts, *, where: str) -> onnx.ModelProto:
    """A folded fp32 graph with its body in fp16: one Cast on the way in, one on the way out.

    In fp32 stay the preprocessing, so that pixels are normalised as the reference does, and the head:
    ``logit`` and ``prob_fake`` are not rounded to fp16's eleven bits. (onnxruntime's own converter would
    round the graph's outputs.) Raises :class:`ModelFileError` for weights beyond fp16's range.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    made_by = {output: node.name for node in graph.node for output in node.output}
    halves: dict[str, onnx.TensorProto] = {}
    nodes: list[onnx.NodeProto] = []
    casts: set[str] = set()

    def cast(tensor: str, suffix: str, to: int) -> str:
        name = f"{tensor}.{suffix}"
        if name not in casts:
            casts.add(name)
            nodes.append(helper.make_node("Cast", [tensor], [name], name=f"cast {name}", to=to))
        return name

    for node in graph.node:
        inside = node.name in parts.body
        for position, given in enumerate(node.input):
            if inside and given in constants and constants[given].data_type == TensorProto.FLOAT:
                name = f"{given}.fp16"
                halves[name] = halves.get(name) or _half(constants[given], name, where)
                node.input[position] = name
            elif inside and made_by.get(given) in parts.preprocessing:
                node.input[position] = cast(given, "fp16", TensorProto.FLOAT16)
            elif not inside and made_by.get(given) in parts.body:
                node.input[position] = cast(given, "fp32", TensorProto.FLOAT)
        nodes.append(node)
    _replace(graph, nodes, [*graph.initializer, *halves.values()])
    return model


def _half(tensor: onnx.TensorProto, name: str, where: str) -> onnx.TensorProto:
    array = numpy_helper.to_array(tensor)
    # Written so that NaN fails.
    if not np.abs(array).max(initial=0.0) <= FP16_MAX:
        raise ModelFileError(
            f"{where}: tensor {tensor.name!r} goes beyond fp16's {FP16_MAX:.0f} once BatchNorm is folded in; "
            "use --precision fp32"
        )
    return numpy_helper.from_array(array.astype(np.float16), name)


def _replace(
    graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto], tensors: Iterable[onnx.TensorProto]
) -> None:
    nodes, tensors = list(nodes), list(tensors)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)

"""The output ``cam``: which places the logit came from, by :mod:`export.attribution`.

The logit is the mean of the last features times the classifier's weights, plus a bias. What the last blocks made of an
earlier, finer feature map is followed back to its places; the mean of ``cam`` plus the bias *is* the logit. It is added
to a finished graph, for every precision in the same way, and no node of ``logit`` and ``prob_fake`` changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from export.attribution import attribution
from export.graph_additions import Graph, NotUnderstood
from models.contract import OUTPUT_CAM, OUTPUT_LOGIT, OUTPUT_PROB_FAKE
from models.support.errors import Failure

_SHAPING = ("Identity", "Reshape", "Squeeze", "Flatten", "Cast")
"""What may lie between pooling, classifier and ``logit`` without changing a number."""


class CamError(Failure):
    """A file cannot be given the output ``cam``."""


@dataclass(frozen=True)
class Head:
    """How a graph comes from its last features to its logit."""

    features: str
    """Tensor ``[N, C, h, w]``."""
    weight: str
    """Tensor of C numbers."""
    bias: float
    """What the logit has beside the mean of ``cam``."""
    is_turned: bool
    """Whether the logit is the negative of what the classifier gives."""


def has_cam(model: onnx.ModelProto) -> bool:
    return any(output.name == OUTPUT_CAM for output in model.graph.output)


def without_cam(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with the scores alone: precision variants are made of that.

    Of whatever names its nodes have; a scan goes by ours, without the package onnx (:mod:`models.support.onnx_parts`).
    """
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    graph = plain.graph
    outputs = [output for output in graph.output if output.name != OUTPUT_CAM]
    needed, nodes = {output.name for output in outputs}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    tensors = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.output[:], graph.node[:], graph.initializer[:]
    graph.output.extend(outputs)
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(tensors)
    return plain


def with_cam(model: onnx.ModelProto, *, where: str) -> onnx.ModelProto:
    """A copy with the output ``cam`` ``float32[N, h, w]``; all that it had stays, byte for byte.

    Raises :class:`CamError` (naming ``where``) if the graph is not understood, or has the output.
    """
    if has_cam(model):
        raise CamError(f"{where} has the output cam already; there is nothing to add")
    graph = Graph(model)
    head = _head_of(graph, where=where)
    try:
        cam = attribution(graph, head.features, head.weight)
    except NotUnderstood as problem:
        raise _not_understood(where, str(problem)) from None
    if head.is_turned:
        cam = graph.add("Neg", [cam])
    if any(node.op_type == "DequantizeLinear" for node in model.graph.node):
        cam = _with_rounding_spread(graph, cam, head.bias)
    done = onnx.ModelProto()
    done.CopyFrom(model)
    done.graph.node.extend(graph.nodes)
    done.graph.node.append(helper.make_node("Identity", [cam], [OUTPUT_CAM], name="cam"))
    done.graph.initializer.extend(graph.tensors)
    grid = graph.grid(head.features) or ("h", "w")
    done.graph.output.append(helper.make_tensor_value_info(OUTPUT_CAM, TensorProto.FLOAT, ["N", *grid]))
    return done


def _with_rounding_spread(graph: Graph, cam: str, bias: float) -> str:
    """What rounding to integers moved the logit by has no place: each cell gets the same of it."""
    axes = graph.constant(np.array([1, 2], np.int64))
    placed = graph.add("ReduceMean", [cam, axes], keepdims=1)
    logit = graph.add("Unsqueeze", [graph.wide(OUTPUT_LOGIT), axes])
    rest = graph.add("Sub", [graph.add("Sub", [logit, placed]), graph.constant(np.array(bias, np.float32))])
    return graph.add("Add", [cam, rest])


def find_head(model: onnx.ModelProto, *, where: str) -> Head:
    """Raises :class:`CamError` for any graph but pooling by mean, one linear layer, and the logit."""
    return _head_of(Graph(model), where=where)


def _head_of(graph: Graph, *, where: str) -> Head:
    made_by = graph.made_by
    names = {output.name for output in graph.model.graph.output}
    if not {OUTPUT_LOGIT, OUTPUT_PROB_FAKE} <= names:
        raise CamError(f"{where} has no outputs logit and prob_fake; make a file with scan-export CHECKPOINT")
    tensor, is_turned = OUTPUT_LOGIT, False
    while (node := made_by.get(tensor)) is not None and node.op_type in (*_SHAPING, "Neg"):
        is_turned ^= node.op_type == "Neg"
        tensor = node.input[0]
    if node is None or node.op_type != "Gemm":
        raise _not_understood(where, "its logit is not that of one linear layer")
    numbers = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if (numbers.get("alpha", 1.0), numbers.get("beta", 1.0), numbers.get("transA", 0)) != (1.0, 1.0, 0):
        raise _not_understood(where, "its linear layer is scaled")
    weight = node.input[1]
    bias = _numbers(graph, node.input[2]) if len(node.input) > 2 else np.zeros(1, np.float32)
    if bias is None or bias.size != 1:
        raise _not_understood(where, "its linear layer has no single bias")
    tensor = node.input[0]
    while (pool := made_by.get(tensor)) is not None and pool.op_type in _SHAPING:
        tensor = pool.input[0]
    if pool is None or not _is_mean_over_picture(graph, pool):
        raise _not_understood(where, "its features are not pooled by their mean over the picture")
    value = float(bias.reshape(()))
    return Head(pool.input[0], weight, -value if is_turned else value, is_turned)


def _is_mean_over_picture(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type == "GlobalAveragePool":
        return True
    if node.op_type != "ReduceMean" or len(node.input) < 2:
        return False
    axes = _numbers(graph, node.input[1])
    return axes is not None and sorted(axes.ravel().tolist()) in ([2, 3], [-2, -1])


def _numbers(graph: Graph, tensor: str) -> npt.NDArray[np.float32] | None:
    """Of a constant; ``None`` for what the graph computes."""
    try:
        return graph.numbers(tensor)
    except NotUnderstood:
        return None


def _not_understood(where: str, why: str) -> CamError:
    return CamError(
        f"{where} cannot be given the output cam: {why}, so no map adds up to its score; export its checkpoint anew"
    )

"""Which places of an earlier feature map the logit came from: the score, taken back through the last blocks.

At one input a network of convolutions, BatchNorms, sums and gates is linear once its gates stand still: a ReLU is the
product with 0 or 1, a SiLU with its sigmoid, squeeze-and-excitation with its factors. What the logit has of a tensor is
then the tensor times the product of what comes after it, and what each bias adds has a place, too; together they are
the logit (Srinivas and Fleuret 2019, arXiv 1905.00780, for ReLU; Ali et al. 2022, arXiv 2202.07304, for gates that
stand still). Nothing is differentiated when the file is used: the way back is nodes of the graph.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from export.graph_additions import Graph, NotUnderstood

Floats = npt.NDArray[np.floating[Any]]

_UNCHANGED = ("Identity", "Cast", "QuantizeLinear")
"""Operators that pass a number on. What quantisation rounds away is no tensor's."""
_STEPS = 1
"""Residual sums of the finer grid that the way back goes through: one showed best where a score comes from
(docs/heat-maps.md)."""


def attribution(graph: Graph, features: str, weight: str) -> str:
    """Adds what each cell of the grid of ``features`` ``[N, C, h, w]`` gives to ``mean(features) · weight``: the name
    of a tensor ``float32[N, h, w]`` whose mean is that number, but for rounding.

    ``weight`` has C numbers. The map is read off the second last residual sum of the next finer grid, and off
    ``features`` where the network has none. Raises :class:`NotUnderstood`.
    """
    anchor = _anchor(graph, features)
    back = _Back(graph)
    shape = graph.constant(np.array([1, -1, 1, 1], np.int64))
    each = graph.add("Reshape", [graph.wide(weight), shape])
    back.gradients[features].append(graph.add("Expand", [each, graph.add("Shape", [features])]))
    back.to(anchor)
    return back.map_of(anchor, features)


def _anchor(graph: Graph, features: str) -> str:
    """The tensor that the map is read off."""
    coarse = graph.grid(features)
    sums = [node.output[0] for node in graph.model.graph.node if _is_residual_sum(graph, node)]
    finer = [name for name in reversed(sums) if graph.grid(name) not in (None, coarse)]
    same = [name for name in finer if graph.grid(name) == graph.grid(finer[0])]
    return same[min(_STEPS, len(same) - 1)] if same else features


def _is_residual_sum(graph: Graph, node: onnx.NodeProto) -> bool:
    return node.op_type == "Add" and not any(name in graph.stored for name in node.input)


class _Back:
    """The way back from the features."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.gradients: dict[str, list[str]] = defaultdict(list)
        """By tensor, what its numbers are worth to the logit."""
        self.biases: dict[tuple[int, int], list[str]] = defaultdict(list)
        """By grid, ``[N, 1, h, w]``: what was added there."""

    def to(self, anchor: str) -> None:
        """Raises :class:`NotUnderstood` if anything is left that does not come by ``anchor``."""
        for node in reversed(self.graph.model.graph.node):
            for name in node.output:
                if name != anchor and self.gradients.get(name):
                    self._through(node, self._gradient(name))
        left = [name for name, found in self.gradients.items() if found and name != anchor]
        if left:
            raise NotUnderstood(f"{left[0]} is not computed from {anchor}")

    def map_of(self, anchor: str, features: str) -> str:
        """``[N, h, w]`` on the grid of ``features``."""
        graph = self.graph
        product = graph.add("Mul", [self._gradient(anchor), graph.wide(anchor)])
        axis = graph.constant(np.array([1], np.int64))
        self.biases[self._grid(anchor)].append(graph.add("ReduceSum", [product, axis]))
        target = self._grid(features)
        parts = [self._on(target, grid, self._sum(found)) for grid, found in self.biases.items()]
        return graph.add("Squeeze", [self._sum(parts), axis])

    def _through(self, node: onnx.NodeProto, gradient: str) -> None:
        graph, source = self.graph, node.input[0]
        if node.op_type in _UNCHANGED:
            self.gradients[source].append(gradient)
        elif node.op_type == "Relu":
            self.gradients[source].append(self._where_open(gradient, node.output[0]))
        elif node.op_type == "DequantizeLinear":
            # Unsigned numbers from 0: the ReLU before them was left to their lower end.
            open_ = self._where_open(gradient, node.output[0]) if self._is_cut_at_0(node) else gradient
            self.gradients[source].append(open_)
        elif node.op_type == "BatchNormalization":
            self._through_batch_norm(node, gradient)
        elif node.op_type == "Conv":
            self._through_convolution(node, gradient)
        elif node.op_type == "Add" and _is_residual_sum(graph, node):
            for name in node.input:
                self.gradients[name].append(gradient)
        elif node.op_type == "Mul":
            value, gate = self._value_and_gate(node)
            self.gradients[value].append(graph.add("Mul", [gradient, graph.wide(gate)]))
        else:
            raise NotUnderstood(f"{node.name or node.op_type} is a {node.op_type}")

    def _through_batch_norm(self, node: onnx.NodeProto, gradient: str) -> None:
        source, *names = node.input
        scale, shift, mean, variance = (self.graph.numbers(name) for name in names)
        epsilon = next((one.f for one in node.attribute if one.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        self._add_bias(node.output[0], gradient, shift - mean * factor)
        factors = self.graph.constant(factor.reshape(1, -1, 1, 1).astype(np.float32))
        self.gradients[source].append(self.graph.add("Mul", [gradient, factors]))

    def _through_convolution(self, node: onnx.NodeProto, gradient: str) -> None:
        graph, (source, weight) = self.graph, node.input[:2]
        if len(node.input) > 2:
            self._add_bias(node.output[0], gradient, graph.numbers(node.input[2]))
        said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        strides, pads = said.get("strides", [1, 1]), said.get("pads", [0, 0, 0, 0])
        kernel = graph.numbers(weight).shape[2:]
        before, after = self._grid(source), self._grid(node.output[0])
        # Rows and columns at the lower end that no window reached.
        rest = [
            before[axis] - (after[axis] - 1) * strides[axis] - kernel[axis] + pads[axis] + pads[axis + 2]
            for axis in (0, 1)
        ]
        turned = graph.add(
            "ConvTranspose",
            [gradient, graph.wide(weight)],
            strides=list(strides),
            pads=list(pads),
            output_padding=rest,
            group=said.get("group", 1),
        )
        self.gradients[source].append(turned)

    def _add_bias(self, output: str, gradient: str, bias: Floats) -> None:
        weights = self.graph.constant(bias.reshape(1, -1, 1, 1).astype(np.float32))
        self.biases[self._grid(output)].append(self.graph.add("Conv", [gradient, weights]))

    def _value_and_gate(self, node: onnx.NodeProto) -> tuple[str, str]:
        gates = [name for name in node.input if self._is_gate(name)]
        values = [name for name in node.input if not self._is_gate(name)]
        if len(gates) != 1 or len(values) != 1:
            raise NotUnderstood(f"{node.name} is no product with one gate")
        return values[0], gates[0]

    def _is_gate(self, tensor: str) -> bool:
        node = self.graph.made_by.get(tensor)
        while node is not None and node.op_type in (*_UNCHANGED, "DequantizeLinear"):
            node = self.graph.made_by.get(node.input[0])
        return node is not None and node.op_type == "Sigmoid"

    def _is_cut_at_0(self, node: onnx.NodeProto) -> bool:
        if len(node.input) < 3:
            return False
        zero = self.graph.numbers_as_stored(node.input[2])
        return zero.dtype == np.uint8 and not zero.any()

    def _where_open(self, gradient: str, output: str) -> str:
        """What a ReLU gives has the sign 1 where it let a number pass, and 0 elsewhere."""
        return self.graph.add("Mul", [gradient, self.graph.add("Sign", [self.graph.wide(output)])])

    def _gradient(self, tensor: str) -> str:
        found = self.gradients.pop(tensor)
        return self._sum(found)

    def _sum(self, tensors: list[str]) -> str:
        return tensors[0] if len(tensors) == 1 else self.graph.add("Sum", tensors)

    def _grid(self, tensor: str) -> tuple[int, int]:
        grid = self.graph.grid(tensor)
        if grid is None:
            raise NotUnderstood(f"the size of {tensor} is not known")
        return grid

    def _on(self, target: tuple[int, int], grid: tuple[int, int], tensor: str) -> str:
        """``[N, 1, h, w]`` on the coarser grid, each cell shared out by area: the sum stays."""
        if grid == target:
            return tensor
        rows, columns = (shares_of_area(*edges) for edges in zip(grid, target, strict=True))
        high = self.graph.add("MatMul", [self.graph.constant(rows), tensor])
        return self.graph.add("MatMul", [high, self.graph.constant(columns.T)])


def shares_of_area(fine: int, coarse: int) -> Floats:
    """``[coarse, fine]``: which share of each of ``fine`` equal pieces of a line lies in each of ``coarse``."""
    ends = np.linspace(0, fine, coarse + 1)
    starts = np.arange(fine)
    shares = np.minimum(ends[1:, None], starts + 1) - np.maximum(ends[:-1, None], starts)
    found: Floats = np.maximum(shares, 0).astype(np.float32)
    return found

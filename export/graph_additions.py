"""A finished graph that is read, and what is added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from models.contract import OUTPUT_CAM

PREFIX = f"{OUTPUT_CAM}."
"""Of the names of all that is added."""


class NotUnderstood(Exception):
    """An operator on the way back that the tool's networks do not have."""


@dataclass
class Graph:
    """A graph to be read, and what is added to it."""

    model: onnx.ModelProto
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        graph = self.model.graph
        self.made_by = {name: node for node in graph.node for name in node.output}
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self._widened: dict[str, str] = {}

    @cached_property
    def types(self) -> dict[str, onnx.TypeProto.Tensor]:
        """By tensor; inferred when it is first asked for, which a reader of constants never does."""
        inferred = shape_inference.infer_shapes(self.model).graph
        known = [*inferred.value_info, *inferred.input, *inferred.output]
        return {one.name: one.type.tensor_type for one in known}

    def grid(self, tensor: str) -> tuple[int, int] | None:
        """Height and width of a feature map."""
        known = self.types.get(tensor)
        dims = [] if known is None else [dim.dim_value for dim in known.shape.dim]
        return (dims[2], dims[3]) if len(dims) == 4 and all(dims[2:]) else None

    def numbers(self, tensor: str) -> npt.NDArray[np.float32]:
        """Of a constant, perhaps widened by a Cast. Raises :class:`NotUnderstood` for what the graph computes."""
        node = self.made_by.get(tensor)
        if node is not None and node.op_type in ("Cast", "Identity"):
            tensor = node.input[0]
        elif node is not None and node.op_type == "DequantizeLinear":
            return self._dequantised(node)
        return self.numbers_as_stored(tensor).astype(np.float32)

    def numbers_as_stored(self, tensor: str) -> npt.NDArray[np.generic]:
        """Raises :class:`NotUnderstood` for what the graph computes."""
        if tensor not in self.stored:
            raise NotUnderstood(f"{tensor} is no constant")
        found: npt.NDArray[np.generic] = numpy_helper.to_array(self.stored[tensor])
        return found

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node with one output, whose name is returned."""
        name = f"{PREFIX}{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: npt.NDArray[np.generic]) -> str:
        name = f"{PREFIX}constant_{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def wide(self, tensor: str) -> str:
        """The tensor in fp32."""
        known = self.types.get(tensor)
        stored = self.stored.get(tensor)
        kind = known.elem_type if known is not None else stored.data_type if stored is not None else 0
        if kind == TensorProto.FLOAT:
            return tensor
        if tensor not in self._widened:
            self._widened[tensor] = self.add("Cast", [tensor], to=TensorProto.FLOAT)
        return self._widened[tensor]

    def _dequantised(self, node: onnx.NodeProto) -> npt.NDArray[np.float32]:
        whole = self.numbers_as_stored(node.input[0]).astype(np.float32)
        scale = self.numbers(node.input[1])
        axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
        if scale.ndim == 1 and scale.size > 1:
            scale = scale.reshape([-1 if place == axis else 1 for place in range(whole.ndim)])
        if len(node.input) > 2 and np.any(self.numbers_as_stored(node.input[2])):
            raise NotUnderstood(f"{node.name} has a zero point")
        return whole * scale

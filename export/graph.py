"""The parts of an exported graph that the precision variants treat differently."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import helper

from export.cam import without_cam
from export.convert import PRODUCER, ConversionError
from models.support.onnx_runtime import load_onnxruntime


@dataclass(frozen=True)
class Parts:
    """Names of nodes; no node is in two of the first three."""

    preprocessing: frozenset[str]
    """Pixels to normalised numbers: everything that no convolution comes before."""
    body: frozenset[str]
    """From the first convolution to the last pooling."""
    head: frozenset[str]
    """The classifier and what follows: logit, temperature, sigmoid."""
    pooled: frozenset[str]
    """What is computed from one number per channel: squeeze-and-excitation (without the product with the
    feature map) and the head."""


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The scores as onnxruntime computes them: fp32 constants, BatchNorm inside the convolutions, shapes known.

    Quantising a convolution and its BatchNorm one by one would round twice. Every node has a name. Heat maps are
    left out: a variant gets its own.
    """
    tools = load_onnxruntime("quantization.shape_inference")
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "source.onnx"), Path(folder, "folded.onnx")
        source.write_bytes(without_cam(model).SerializeToString(deterministic=True))
        # Symbolic shape inference is for transformers, and would need sympy.
        tools.quant_pre_process(str(source), str(result), skip_symbolic_shape=True)
        done = onnx.load(str(result))
    for number, node in enumerate(done.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return done


def parts(model: onnx.ModelProto, *, where: str) -> Parts:
    """Find the parts of a folded graph; :class:`ConversionError` if it is not one that this tool exports."""
    constants = {tensor.name for tensor in model.graph.initializer}
    after: dict[str, set[str]] = {name: set() for name in ("Conv", "Gemm")}
    found: dict[str, set[str]] = {name: set() for name in ("preprocessing", "body", "head", "pooled")}
    pooled: set[str] = set()
    for node in model.graph.node:
        inputs = {name for name in node.input if name and name not in constants}
        for kind, tensors in after.items():
            if node.op_type == kind or inputs & tensors:
                tensors.update(node.output)
        if inputs and inputs <= pooled:
            found["pooled"].add(node.name)
            pooled.update(node.output)
        elif node.op_type == "ReduceMean":
            pooled.update(node.output)
        outputs = set(node.output)
        part = "head" if outputs <= after["Gemm"] else "body" if outputs <= after["Conv"] else "preprocessing"
        found[part].add(node.name)
    if not found["body"] or not found["head"]:
        raise ConversionError(
            f"{where} has no convolution or no classifier, so it is not one of this tool's exports and has no "
            "precision variants; export the checkpoint with scan-export"
        )
    return Parts(**{name: frozenset(nodes) for name, nodes in found.items()})


def finished(model: onnx.ModelProto, like: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` with the inputs and scores of ``like`` and without what tools left in it: shapes, notes, unused
    domains."""
    graph = model.graph
    used = {name for node in graph.node for name in node.input}
    for node in graph.node:
        node.doc_string = ""
    clean = helper.make_graph(
        list(graph.node),
        PRODUCER,
        list(like.graph.input),
        list(without_cam(like).graph.output),
        [tensor for tensor in graph.initializer if tensor.name in used],
    )
    domains = {node.domain for node in graph.node}
    return helper.make_model(
        clean,
        producer_name=PRODUCER,
        ir_version=like.ir_version,
        opset_imports=[opset for opset in _distinct(model.opset_import) if opset.domain in domains],
    )


def _distinct(opsets: Iterable[onnx.OperatorSetIdProto]) -> list[onnx.OperatorSetIdProto]:
    return list({opset.domain: opset for opset in opsets}.values())

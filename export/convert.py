"""torch → ONNX: the exporter's graph, rebuilt with nothing in it but what the contract needs.

torch's exporter runs without its optimiser, which would fold BatchNorm into the convolutions. Its graph is
then copied field by field into a new model: whatever else the exporter attaches (source paths, stack traces)
is left behind, and the tensors come from the state_dict itself, under its names.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from export.cam import with_cam
from export.wrapper import ContractModel
from models.backbones.backbone import Network
from models.contract import IMAGE_SIZE, INPUT_NAME, OUTPUT_LOGIT, OUTPUT_PROB_FAKE, Label
from models.storage import Store
from models.support.errors import Failure

OPSET = 18
IR_VERSION = 8
"""The oldest that opset 18 allows, for the widest choice of runtimes."""

PRODUCER = "deepfake-scanner"

OUTPUTS = (OUTPUT_PROB_FAKE, OUTPUT_LOGIT)
"""Of torch's graph; the heat map is added to it."""

_PREFIX = "network."


class ConversionError(Failure):
    """torch's exporter gave a graph that is not the network's."""


def convert(network: Network, *, positive: Label, temperature: float, store: Store) -> onnx.ModelProto:
    """The ONNX model of contract 1 without its metadata; ``onnx.checker`` has passed it.

    ``network`` must already hold the numbers that ``store`` can hold (:func:`models.storage.stored_state`);
    with ``FP16`` each tensor is followed by a Cast to fp32. Raises :class:`ConversionError`.
    """
    try:
        exported = _run_exporter(ContractModel(network, positive=positive, temperature=temperature))
    except (ImportError, RuntimeError) as error:
        # torch's exporter imports a part of onnxscript that is named after torch's own version.
        reason = (str(error).splitlines() or [""])[0]
        raise ConversionError(
            f"torch {torch.__version__} could not export with onnxscript {version('onnxscript')} ({reason}); "
            "if onnxscript is the older of the two: pip install --upgrade onnxscript"
        ) from error
    model = with_cam(_rebuild(exported, network.state_dict(), store), where="the exported graph")
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # noqa: BLE001 - the checker's and shape inference's own families
        raise ConversionError(f"onnx.checker refuses the exported graph ({error}); {_remedy()}") from None
    return model


def _run_exporter(wrapper: ContractModel) -> onnx.GraphProto:
    from onnxscript import optimizer

    with warnings.catch_warnings():
        # Deprecations inside torch and onnxscript: nothing that the user of scan-export could act on.
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            wrapper,
            # Two images: a batch of one would make the exporter take N for a constant.
            (torch.zeros(2, IMAGE_SIZE, IMAGE_SIZE, 3, dtype=torch.uint8),),
            dynamo=True,
            optimize=False,
            opset_version=OPSET,
            input_names=[INPUT_NAME],
            output_names=list(OUTPUTS),
            dynamic_shapes={"image": {0: torch.export.Dim("N", min=1)}},
            external_data=False,
            verbose=False,
        )
        optimizer.fold_constants(program.model)
    exported: onnx.ModelProto = program.model_proto
    versions = {o.domain: o.version for o in exported.opset_import if o.domain == ""}
    if exported.functions or versions != {"": OPSET}:
        raise ConversionError(
            f"torch {torch.__version__} exported another kind of graph ({versions}); {_remedy()}"
        )
    return exported.graph


def _rebuild(exported: onnx.GraphProto, state: Mapping[str, Tensor], store: Store) -> onnx.ModelProto:
    parameters = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    rename = {_PREFIX + name: name for name in parameters}
    nodes = _without_dead_nodes([_copy_node(node, rename) for node in exported.node])
    used = {name for node in nodes for name in node.input}
    if lost := sorted(parameters.keys() - used):
        raise ConversionError(
            f"torch {torch.__version__} exported a graph without {len(lost)} of the network's tensors "
            f"(first: {lost[0]}); {_remedy()}"
        )

    initialisers, casts = [], []
    for name, tensor in parameters.items():
        array = tensor.detach().cpu().numpy()
        if store is Store.FP16:
            widened = f"{name}.fp32"
            cast = helper.make_node("Cast", [name], [widened], name=f"widen {name}", to=TensorProto.FLOAT)
            casts.append(cast)
            array = array.astype("float16")
            for node in nodes:
                for position, given in enumerate(node.input):
                    if given == name:
                        node.input[position] = widened
        initialisers.append(numpy_helper.from_array(array, name))
    for constant in exported.initializer:
        if constant.name in used and constant.name not in rename:
            initialisers.append(numpy_helper.from_array(numpy_helper.to_array(constant), constant.name))

    graph = helper.make_graph(
        [*casts, *nodes],
        PRODUCER,
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, ["N", IMAGE_SIZE, IMAGE_SIZE, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in OUTPUTS],
        initialisers,
    )
    return helper.make_model(
        graph, producer_name=PRODUCER, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )


def _copy_node(node: onnx.NodeProto, rename: Mapping[str, str]) -> onnx.NodeProto:
    inputs = [rename.get(name, name) for name in node.input]
    if node.op_type == "Conv" and len(inputs) == 3 and inputs[2] not in rename.values():
        # The exporter gives a convolution without bias a computed bias of zeros.
        del inputs[2]
    copied = helper.make_node(node.op_type, inputs, node.output, name=node.name, domain=node.domain)
    for attribute in node.attribute:
        copied.attribute.add().CopyFrom(attribute)
        copied.attribute[-1].doc_string = ""
    return copied


def _without_dead_nodes(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    needed, kept = set(OUTPUTS), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def _remedy() -> str:
    return 'install the versions that this release was tested with: pip install "deepfake-scanner[train]"'

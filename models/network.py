"""From tensors and exported files back to a torch network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from models.backbones import BACKBONES, Backbone, Network, backbone
from models.checkpoints.files import read_weights
from models.checkpoints.foreign_networks import misfit
from models.checkpoints.wrappings import unwrapped
from models.contract import DEFAULT_NETWORK
from models.support.errors import ModelFileError
from models.support.terminal import say, visible


def read_state_dict(file: Path) -> dict[str, Tensor]:
    """The network's tensors in a file of weights, out of whatever wraps them (:mod:`models.checkpoints.wrappings`).

    A checkpoint cannot run code. Raises :class:`ModelFileError`.
    """
    names = [frozenset(shapes) for shapes in _shapes().values()]
    found = unwrapped(read_checkpoint(file), names, where=str(file))
    if found.note:
        say(f"warning: {visible(found.note)}")
    return found.state


def read_checkpoint(file: Path) -> dict[str, object]:
    """Everything in a file of weights. Raises :class:`ModelFileError` when it is missing or not one."""
    loaded = read_weights(file)
    if not isinstance(loaded, dict):
        raise ModelFileError(f"{file} holds a {type(loaded).__name__}, not a checkpoint")
    return loaded


@lru_cache(maxsize=1)
def _shapes() -> dict[str, dict[str, torch.Size]]:
    """Of every network's tensors, by name."""
    with torch.device("meta"):
        built = {entry.name: entry.build(None, None).state_dict() for entry in BACKBONES}
    return {name: {key: tensor.shape for key, tensor in state.items()} for name, state in built.items()}


def identify(state: Mapping[str, Tensor]) -> Backbone | None:
    """The network whose tensors these are, by their names and shapes."""
    shapes = {key: tensor.shape for key, tensor in state.items()}
    return next((entry for entry in BACKBONES if _shapes()[entry.name] == shapes), None)


def load_network(state: Mapping[str, Tensor], *, where: str, network: str | None = None) -> Network:
    """A network with exactly these tensors, in eval mode; :class:`ModelFileError` if they do not fit.

    ``network``: its name in the registry, as a checkpoint records it; ``None`` goes by the tensors.
    """
    known = backbone(network) if network is not None else identify(state) or backbone(DEFAULT_NETWORK)
    made = known.build(None, None)
    load_tensors(made, state, where=where)
    made.eval()
    return made


def load_tensors(network: Network, state: Mapping[str, Tensor], *, where: str) -> None:
    """Load exactly these tensors; :class:`ModelFileError` if they do not fit, nothing is loaded then."""
    if wrong := misfit(network.state_dict(), state):
        other = identify(state)
        if other is not None:
            raise ModelFileError(
                f"{where} is an {other.title}, not an {backbone(network.backbone).title}: --network {other.name}"
            )
        raise ModelFileError(f"{where} is not an {backbone(network.backbone).title} with one logit: {wrong}")
    network.load_state_dict(state)


def state_dict_from_onnx(file: Path) -> dict[str, Tensor]:
    """The network's tensors out of an exported file, bit for bit as they were exported.

    The counters ``num_batches_tracked`` are not part of an ONNX graph (they have no effect on the result);
    they come back as 0. Tensors stored as fp16 come back as the fp32 numbers they stand for.
    """
    import onnx
    from onnx import numpy_helper

    if not file.is_file():
        raise ModelFileError(f"model {file} does not exist")
    state: dict[str, Tensor] = {}
    try:
        model = onnx.load(str(file))
        said = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
        stored = {tensor.name: tensor for tensor in model.graph.initializer}
    except Exception as error:  # noqa: BLE001 - protobuf and onnx raise their own families
        raise ModelFileError(f"{file} is not a readable ONNX file ({type(error).__name__})") from None
    known = backbone(str(said.get("network", DEFAULT_NETWORK)))
    with torch.device("meta"):
        expected = known.build(None, None).state_dict()
    try:
        for name, like in expected.items():
            if name.endswith("num_batches_tracked"):
                state[name] = torch.zeros(like.shape, dtype=like.dtype)
            elif name in stored:
                state[name] = torch.from_numpy(numpy_helper.to_array(stored[name]).astype("float32"))
    except Exception as error:  # noqa: BLE001 - protobuf and onnx raise their own families
        raise ModelFileError(f"{file} is not a readable ONNX file ({type(error).__name__})") from None
    precision = said.get("precision", "fp32")
    if precision != "fp32":
        raise ModelFileError(
            f"{file} is a variant that computes in {precision}, without the network's own tensors; "
            "start from the fp32 file that it was made of"
        )
    foreign = sorted(k for k, v in expected.items() if k not in state or state[k].shape != v.shape)
    if foreign:
        raise ModelFileError(
            f"{file} is not one of this tool's exports: it does not hold the tensor {foreign[0]!r}"
            + (f" and {len(foreign) - 1} others" if len(foreign) > 1 else "")
        )
    return state

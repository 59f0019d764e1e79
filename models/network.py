"""The torch network: torchvision's EfficientNet-B4 with one logit, and how to get it back from a file."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import EfficientNet, EfficientNet_B4_Weights, efficientnet_b4
from torchvision.models.efficientnet import MBConv

from models.checkpoint_files import read_weights
from models.errors import ModelFileError
from models.foreign_networks import misfit
from models.terminal import say, visible
from models.wrappings import unwrapped

CLASSIFIER_WIDTH = 1792


def build_network(*, dropout: float | None = None, stochastic_depth: float | None = None) -> EfficientNet:
    """EfficientNet-B4 with ``classifier[1] = Linear(1792, 1)``, randomly initialised.

    Takes ``float32[N, 3, H, W]`` (ImageNet-normalised), gives ``float32[N, 1]``. ``None`` keeps torchvision's
    regularisation (dropout 0.4, stochastic depth 0.2).
    """
    options: dict[str, float] = {}
    if dropout is not None:
        options["dropout"] = dropout
    if stochastic_depth is not None:
        options["stochastic_depth_prob"] = stochastic_depth
    return efficientnet_b4(weights=None, num_classes=1, **options)


def start_from_nothing(network: EfficientNet) -> None:
    """Make every residual block begin as the identity and the classifier as a constant zero.

    With torchvision's default initialisation alone nothing is learnt for a long time (loss 2–3 at first);
    with the last BatchNorm weight of each residual MBConv at zero the loss falls at once
    (Goyal et al. 2017, arXiv 1706.02677, section 5.1).
    """
    for module in network.modules():
        if isinstance(module, MBConv) and module.use_res_connect:
            last = module.block[-1][1]
            nn.init.zeros_(last.weight)
    nn.init.zeros_(network.classifier[1].weight)
    nn.init.zeros_(network.classifier[1].bias)


def load_imagenet(network: EfficientNet, file: Path | None = None) -> None:
    """Load torchvision's ImageNet weights into everything but the one-logit classifier.

    ``file`` is a downloaded copy of them; without it torchvision fetches its own. Raises
    :class:`ModelFileError` when they are neither given nor to be had.
    """
    weights = EfficientNet_B4_Weights.IMAGENET1K_V1
    if file is not None:
        state = read_state_dict(file)
    else:
        try:
            state = dict(weights.get_state_dict(progress=False, check_hash=True))
        # RuntimeError: the file that came has another hash.
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            raise ModelFileError(
                f"torchvision's ImageNet weights could not be fetched ({error}); download {weights.url} "
                "on a machine with a network and pass the file: --init FILE.pth"
            ) from None
    backbone = {k: v for k, v in state.items() if not k.startswith("classifier.")}
    ours = {k: v for k, v in network.state_dict().items() if k.startswith("classifier.")}
    if reason := misfit(network.state_dict(), backbone | ours):
        raise ModelFileError(
            f"{file or weights.url} does not hold torchvision's EfficientNet-B4 ImageNet weights: {reason}"
        )
    network.load_state_dict(backbone | ours)


def read_state_dict(file: Path) -> dict[str, Tensor]:
    """The network's tensors in a file of weights, out of whatever wraps them (:mod:`models.wrappings`).

    A checkpoint cannot run code. Raises :class:`ModelFileError`.
    """
    found = unwrapped(read_checkpoint(file), [_names()], where=str(file))
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
def _names() -> frozenset[str]:
    with torch.device("meta"):
        return frozenset(build_network().state_dict())


def load_network(state: Mapping[str, Tensor], *, where: str) -> EfficientNet:
    """A network with exactly these tensors, in eval mode; :class:`ModelFileError` if they do not fit."""
    network = build_network()
    load_tensors(network, state, where=where)
    network.eval()
    return network


def load_tensors(network: EfficientNet, state: Mapping[str, Tensor], *, where: str) -> None:
    """Load exactly these tensors; :class:`ModelFileError` if they do not fit, nothing is loaded then."""
    if reason := misfit(network.state_dict(), state):
        raise ModelFileError(f"{where} is not an EfficientNet-B4 with one logit: {reason}")
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
    with torch.device("meta"):
        expected = build_network().state_dict()
    state: dict[str, Tensor] = {}
    try:
        model = onnx.load(str(file))
        precision = next((p.value for p in model.metadata_props if p.key == "precision"), '"fp32"')
        stored = {tensor.name: tensor for tensor in model.graph.initializer}
        for name, like in expected.items():
            if name.endswith("num_batches_tracked"):
                state[name] = torch.zeros(like.shape, dtype=like.dtype)
            elif name in stored:
                state[name] = torch.from_numpy(numpy_helper.to_array(stored[name]).astype("float32"))
    except Exception as error:  # noqa: BLE001 - protobuf and onnx raise their own families
        raise ModelFileError(f"{file} is not a readable ONNX file ({type(error).__name__})") from None
    if precision != '"fp32"':
        raise ModelFileError(
            f"{file} is a variant that computes in {precision.strip(chr(34))}, without the network's own tensors; "
            "start from the fp32 file that it was made of"
        )
    foreign = sorted(k for k, v in expected.items() if k not in state or state[k].shape != v.shape)
    if foreign:
        raise ModelFileError(
            f"{file} is not one of this tool's exports: it does not hold the tensor {foreign[0]!r}"
            + (f" and {len(foreign) - 1} others" if len(foreign) > 1 else "")
        )
    return state

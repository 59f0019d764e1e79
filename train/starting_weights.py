"""``--init``: where a run's weights come from."""

from __future__ import annotations

from pathlib import Path

from torchvision.models import EfficientNet

from models.errors import ModelFileError
from models.network import (
    build_network,
    load_imagenet,
    read_state_dict,
    start_from_nothing,
    state_dict_from_onnx,
)
from models.weights import resolve_model
from train.recipes import Recipe


def starting_network(init: str, recipe: Recipe) -> EfficientNet:
    """A network with the recipe's regularisation and the weights that ``init`` names.

    ``random``, ``imagenet`` (torchvision's), ``shipped`` (this project's), or a file: an exported ``.onnx``, a
    checkpoint or state_dict with our one-logit classifier, or torchvision's downloaded ImageNet weights.
    Raises :class:`ModelFileError`; random weights are used only when asked for.
    """
    network = build_network(dropout=recipe.dropout, stochastic_depth=recipe.stochastic_depth)
    if init == "random":
        start_from_nothing(network)
    elif init == "imagenet":
        load_imagenet(network)
    elif init == "shipped":
        path, _ = resolve_model(None)
        network.load_state_dict(state_dict_from_onnx(path))
    else:
        _load_file(network, Path(init))
    return network


def _load_file(network: EfficientNet, file: Path) -> None:
    if file.suffix == ".onnx":
        network.load_state_dict(state_dict_from_onnx(file))
        return
    state = read_state_dict(file)
    head = state.get("classifier.1.weight")
    if head is not None and head.shape[0] != 1:
        load_imagenet(network, file)
        return
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise ModelFileError(f"{file} does not hold the tensors of EfficientNet-B4 with one logit") from None

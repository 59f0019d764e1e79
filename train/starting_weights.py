"""``--init``: where a run's weights come from."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torchvision.models import EfficientNet

from models.contract import ModelMetadata
from models.network import (
    CLASSIFIER_WIDTH,
    build_network,
    load_imagenet,
    load_tensors,
    read_state_dict,
    start_from_nothing,
    state_dict_from_onnx,
)
from models.weights import resolve_model
from train.recipes import Recipe

_IMAGENET_CLASSES = 1000


def starting_network(init: str, recipe: Recipe) -> EfficientNet:
    """A network with the recipe's regularisation and the weights that ``init`` names.

    ``random``, ``imagenet`` (torchvision's), ``shipped`` (this project's), or a file: an exported ``.onnx``; a
    checkpoint or state_dict with our one-logit classifier, or torchvision's downloaded ImageNet weights, both in any
    of the usual wrappings. A bare state_dict does not say what its logit means; it is taken as positive = fake, which
    training puts right.
    Raises :class:`ModelFileError`; random weights are used only when asked for.
    """
    network = build_network(dropout=recipe.dropout, stochastic_depth=recipe.stochastic_depth)
    if init == "random":
        start_from_nothing(network)
    elif init == "imagenet":
        load_imagenet(network)
    elif init == "shipped":
        path, _ = resolve_model(None)
        _load_file(network, path)
    else:
        _load_file(network, Path(init))
    return network


def _load_file(network: EfficientNet, file: Path) -> None:
    if file.suffix == ".onnx":
        load_tensors(network, _fake_positive(file), where=str(file))
        return
    state = read_state_dict(file)
    head = state.get("classifier.1.weight")
    if head is not None and head.shape == (_IMAGENET_CLASSES, CLASSIFIER_WIDTH):
        load_imagenet(network, file)
        return
    load_tensors(network, state, where=str(file))


def _fake_positive(file: Path) -> dict[str, Tensor]:
    """The tensors of an exported file; a classifier that meant P(real), which the graph negates, is negated."""
    import onnx

    state = state_dict_from_onnx(file)
    props = {prop.key: prop.value for prop in onnx.load(str(file)).metadata_props}
    if ModelMetadata.from_props(props, where=str(file)).source_positive == "real":
        for name in ("classifier.1.weight", "classifier.1.bias"):
            state[name] = -state[name]
    return state

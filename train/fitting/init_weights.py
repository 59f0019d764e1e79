"""``--init``: where a run's weights come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from models.backbones import Network, backbone, start_from_nothing
from models.backbones.growth import GROWN_FROM, GROWN_INTO, grow
from models.backbones.imagenet import CLASSES
from models.contract import DEFAULT_NETWORK, ModelMetadata
from models.network import identify, load_tensors, read_state_dict, state_dict_from_onnx
from models.weights import resolve_model, sha256_file, shipped_names
from train.recipes import Recipe


def starting_network(
    init: str, recipe: Recipe, network: str = DEFAULT_NETWORK
) -> tuple[Network, dict[str, Any]]:
    """A network with the recipe's regularisation and the weights that ``init`` names, and how config.json names them.

    ``random``, ``imagenet`` (the publisher's), ``shipped`` (this project's) or the name of other shipped weights, or a
    file: an exported ``.onnx``; a checkpoint or state_dict with our one-logit classifier, or a downloaded copy of the
    ImageNet weights, both in any of the usual wrappings. Tensors of a Lite2 are grown where a B4 is wanted
    (:mod:`models.backbones.growth`); nothing makes a Lite2 of a B4. A bare state_dict does not say what its logit
    means; it is taken as positive = fake, which training puts right.
    Raises :class:`ModelFileError`; random weights are used only when asked for.
    """
    family = backbone(network)
    made = family.build(recipe.dropout, recipe.stochastic_depth)
    origin = named_origin(init)
    if init == "random":
        start_from_nothing(made)
    elif init == "imagenet":
        origin |= family.load_imagenet(made, None)
    elif init == "shipped" or init in shipped_names():
        path, _ = resolve_model(None if init == "shipped" else Path(init))
        origin |= _load_or_grow(made, _tensors(path), where=str(path))
    else:
        file = Path(init)
        state = _tensors(file)
        if _is_imagenet(state):
            origin |= family.load_imagenet(made, file)
        else:
            origin |= _load_or_grow(made, state, where=str(file))
    return made, origin


def _load_or_grow(network: Network, state: Mapping[str, Tensor], *, where: str) -> dict[str, str]:
    """Load the tensors, grown if they are of the smaller network; what config.json says of that."""
    found = identify(state)
    if network.backbone == GROWN_INTO.name and found is not None and found.name == GROWN_FROM.name:
        load_tensors(network, grow(state), where=where)
        return {"grown_from": found.name}
    load_tensors(network, state, where=where)
    return {}


def named_origin(init: str) -> dict[str, Any]:
    """How config.json names the starting weights: by a file's name and hash, never by its place."""
    file = Path(init)
    return {"from": file.name, "sha256": sha256_file(file)} if file.is_file() else {"from": init}


def _tensors(file: Path) -> dict[str, Tensor]:
    return _fake_positive(file) if file.suffix == ".onnx" else read_state_dict(file)


def _is_imagenet(state: Mapping[str, Tensor]) -> bool:
    """Whether the file ends in ImageNet's classes, under the names of either publisher."""
    heads = (state.get("classifier.1.bias"), state.get("_fc.bias"))
    return any(head is not None and head.shape == (CLASSES,) for head in heads)


def _fake_positive(file: Path) -> dict[str, Tensor]:
    """The tensors of an exported file; a classifier that meant P(real), which the graph negates, is negated."""
    import onnx

    state = state_dict_from_onnx(file)
    props = {prop.key: prop.value for prop in onnx.load(str(file)).metadata_props}
    if ModelMetadata.from_props(props, where=str(file)).source_positive == "real":
        for name in ("classifier.1.weight", "classifier.1.bias"):
            state[name] = -state[name]
    return state

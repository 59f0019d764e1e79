"""The networks that the tool trains and exports, one entry each. Needs torch."""

from __future__ import annotations

from models.backbones.backbone import Backbone as Backbone
from models.backbones.backbone import Network as Network
from models.backbones.backbone import start_from_nothing as start_from_nothing
from models.backbones.efficientnet import B4, LITE2
from models.contract import DEFAULT_NETWORK, NETWORKS
from models.support.errors import ModelFileError

BACKBONES: tuple[Backbone, ...] = (B4, LITE2)


def build_network(
    name: str = DEFAULT_NETWORK, *, dropout: float | None = None, stochastic_depth: float | None = None
) -> Network:
    """The network of this name with one logit, randomly initialised; ``None``: its family's own regularisation."""
    return backbone(name).build(dropout, stochastic_depth)


def backbone(name: str) -> Backbone:
    """The entry of this name; :class:`ModelFileError` if this version has none."""
    for entry in BACKBONES:
        if entry.name == name:
            return entry
    raise ModelFileError(f"this version knows no network {name!r}, only {', '.join(NETWORKS)}")

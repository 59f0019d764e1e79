"""What the tool asks of a network, and of the family that builds it. Nothing else in the tool knows one by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.contract import IMAGENET_MEAN, IMAGENET_STD

Channels = tuple[float, float, float]


class Network(nn.Module):
    """Pixels to one logit: blocks, mean over the picture, classifier.

    Takes ``float32[N, 3, H, W]``, RGB in [0, 1] less :attr:`mean` over :attr:`std`, and gives ``float32[N, 1]``.
    """

    backbone: str = ""
    """Name in the registry, :data:`models.backbones.BACKBONES`."""
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD
    features: nn.Sequential
    """The blocks; ``features.6`` is the one that the two-phase recipe calls block 6."""
    avgpool: nn.Module
    classifier: nn.Sequential
    """Dropout and ``Linear(width, 1)``."""

    def blocks(self) -> Iterator[tuple[str, nn.Module]]:
        """``features.0`` … ``features.8`` and ``classifier``: what a phase freezes or trains as a whole."""
        for name, block in self.features.named_children():
            yield f"features.{name}", block
        yield "classifier", self.classifier

    def pooled(self, features: Tensor) -> Tensor:
        """What the classifier takes, ``float[N, width]``, of what the last block gives."""
        return torch.flatten(self.avgpool(features), 1)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.pooled(self.features(pixels)))
        return logits


@dataclass(frozen=True)
class Backbone:
    """One entry of the registry."""

    name: str
    """In checkpoints, metadata and ``--network``."""
    title: str
    """In sentences."""
    width: int
    """Of what the classifier takes."""
    build: Callable[[float | None, float | None], Network]
    """``(dropout, stochastic_depth)`` → a network, randomly initialised; ``None``: the family's own value."""
    load_imagenet: Callable[[Network, Path | None], Mapping[str, Any]]
    """Put ImageNet's weights, the publisher's or a file with a copy of them, into everything but the classifier, and
    return where they come from. Raises :class:`models.support.errors.ModelFileError` when they are not to be had."""


def start_from_nothing(network: Network) -> None:
    """Make every residual block begin as the identity and the classifier as a constant zero.

    With torchvision's default initialisation alone nothing is learnt for a long time (loss 2–3 at first);
    with the last BatchNorm weight of each residual block at zero the loss falls at once
    (Goyal et al. 2017, arXiv 1706.02677, section 5.1).
    """
    for module in network.modules():
        if getattr(module, "use_res_connect", False):
            last: Any = module.block
            nn.init.zeros_(last[-1][1].weight)
    start_classifier_at_zero(network)


def start_classifier_at_zero(network: Network) -> None:
    """The first logit is 0 for every picture, so that the first steps do not shake the features."""
    linear: Any = network.classifier[1]
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)

"""A network of 300 numbers, for what needs a network and not this one or that one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from models.backbones import BACKBONES, Backbone, Network

NAME = "toy"


class Toy(Network):
    """Nine small blocks and a classifier."""

    backbone = NAME

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 4, 8, stride=8), nn.BatchNorm2d(4)),
            *(nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.SiLU()) for _ in range(8)),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.3), nn.Linear(4, 1))


def _build(dropout: float | None, stochastic_depth: float | None) -> Network:
    return Toy()


def _no_imagenet(network: Network, file: Path | None) -> Mapping[str, Any]:
    raise NotImplementedError


TOY = Backbone(NAME, "Toy", 4, _build, _no_imagenet)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it one of the networks that the tool knows, for a test."""
    monkeypatch.setattr("models.backbones.BACKBONES", (*BACKBONES, TOY))

"""EfficientNet-B4 and EfficientNet-Lite2, built from one table of stages with torchvision's blocks."""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor, nn
from torchvision.models import EfficientNet
from torchvision.models.efficientnet import MBConv, MBConvConfig
from torchvision.ops import Conv2dNormActivation, StochasticDepth

from models.backbones.backbone import Backbone, Network
from models.backbones.imagenet import load_lite2, load_torchvision_b4

_STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)
"""Expansion, kernel, stride, channels in and out, layers (Tan and Le 2019, arXiv 1905.11946, table 1)."""

_STOCHASTIC_DEPTH = 0.2


class _EfficientNetDetector(EfficientNet, Network):  # type: ignore[misc]
    """torchvision's module tree and initialisation, with the interface of :class:`Network`."""

    forward = Network.forward


class _B4(_EfficientNetDetector):
    backbone = "efficientnet_b4"


class _Lite2(_EfficientNetDetector):
    backbone = "efficientnet_lite2"


class LiteMBConv(nn.Module):
    """MBConv of the Lite family: no squeeze-excitation, plain ReLU.

    The published one clips at 6; without the cap a trained network can be grown into one with SiLU.
    """

    def __init__(self, config: MBConvConfig, stochastic_depth: float, norm_layer: type[nn.Module]) -> None:
        super().__init__()
        self.use_res_connect = config.stride == 1 and config.input_channels == config.out_channels
        hidden = config.adjust_channels(config.input_channels, config.expand_ratio)
        convolution = partial(Conv2dNormActivation, norm_layer=norm_layer)
        layers: list[nn.Module] = []
        if hidden != config.input_channels:
            layers.append(convolution(config.input_channels, hidden, kernel_size=1, activation_layer=nn.ReLU))
        layers += [
            convolution(
                hidden,
                hidden,
                kernel_size=config.kernel,
                stride=config.stride,
                groups=hidden,
                activation_layer=nn.ReLU,
            ),
            convolution(hidden, config.out_channels, kernel_size=1, activation_layer=None),
        ]
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth, "row")

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.block(features)
        return self.stochastic_depth(result) + features if self.use_res_connect else result


def _stages(width: float, depth: float, *, block: type[nn.Module], fixed_ends: bool) -> list[MBConvConfig]:
    """The table scaled in channels and layers; ``fixed_ends``: the Lite family leaves stem, first and last stage
    as deep, and the stem as wide, as they are."""
    scaled = []
    for number, (expansion, kernel, stride, before, after, layers) in enumerate(_STAGES):
        ends = fixed_ends and number in (0, len(_STAGES) - 1)
        deep = layers if ends else math.ceil(layers * depth)
        inner = MBConvConfig(expansion, kernel, stride, before, after, deep, width, block=block)
        if fixed_ends and number == 0:
            inner.input_channels = before
        scaled.append(inner)
    return scaled


def _build_b4(dropout: float | None, stochastic_depth: float | None) -> Network:
    return _B4(
        _stages(1.4, 1.8, block=MBConv, fixed_ends=False),
        dropout=0.4 if dropout is None else dropout,
        stochastic_depth_prob=_STOCHASTIC_DEPTH if stochastic_depth is None else stochastic_depth,
        num_classes=1,
    )


def _build_lite2(dropout: float | None, stochastic_depth: float | None) -> Network:
    network = _Lite2(
        _stages(1.1, 1.2, block=LiteMBConv, fixed_ends=True),
        dropout=0.3 if dropout is None else dropout,
        stochastic_depth_prob=_STOCHASTIC_DEPTH if stochastic_depth is None else stochastic_depth,
        num_classes=1,
        norm_layer=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01),
        last_channel=1280,
    )
    for end in (network.features[0], network.features[-1]):
        end[2] = nn.ReLU(inplace=True)  # type: ignore[operator]
    return network


B4 = Backbone("efficientnet_b4", "EfficientNet-B4", 1792, _build_b4, load_torchvision_b4)
LITE2 = Backbone("efficientnet_lite2", "EfficientNet-Lite2", 1280, _build_lite2, load_lite2)

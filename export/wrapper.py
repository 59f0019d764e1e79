"""The network as contract 1 shows it: pixels in, ``prob_fake`` and ``logit`` out."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from models.backbones.backbone import Network
from models.contract import Label


class ContractModel(nn.Module):
    """A network between the contract's input and outputs, in eval mode.

    The network is copied; its parameters keep their names under the prefix ``network.``.

    Args:
        network: gives the checkpoint's own logit, ``float32[N, 1]``.
        positive: what a large logit of the *checkpoint* means; ``Label.REAL`` turns it round.
        temperature: ``prob_fake = sigmoid(logit / temperature)``; ``logit`` itself stays as it is.
    """

    mean: Tensor
    std: Tensor
    temperature: Tensor

    def __init__(self, network: Network, *, positive: Label, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self.positive = positive
        # Buffers, not literals: in the exported file they are constants with a name that can be found.
        self.register_buffer("mean", torch.tensor(network.mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(network.std).reshape(1, 3, 1, 1))
        self.register_buffer("temperature", torch.tensor(float(temperature)))
        _pool_by_mean(self.network)
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """``uint8[N, 260, 260, 3]`` → (``prob_fake``, ``logit``), each ``float32[N]``."""
        pixels = image.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        normalised = (pixels - self.mean) / self.std
        # The network's own forward flattens through a run-time shape, which costs the graph five nodes; the mean
        # over both axes is the same number. The parity proof compares with that forward.
        features = self.network.features(normalised).mean((2, 3))
        logit = self.network.classifier(features).reshape(-1)
        if self.positive is Label.REAL:
            logit = -logit
        return torch.sigmoid(logit / self.temperature), logit


class _SpatialMean(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features.mean((2, 3), keepdim=True)


def _pool_by_mean(network: nn.Module) -> None:
    """Replace each average pooling to 1×1 by the mean that torch computes for it.

    The pooling also restrides its result (``as_strided``), which the exporter turns into index arithmetic
    and a Gather per block.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.AdaptiveAvgPool2d):
                setattr(module, name, _SpatialMean())

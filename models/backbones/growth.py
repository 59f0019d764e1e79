"""A trained EfficientNet-Lite2 into an EfficientNet-B4 that computes nearly the same, to be trained further.

Function-preserving growth after Net2Net (Chen et al. 2015, arXiv 1511.05641). The B4 has more channels in every
stage and more blocks in most:

- a new channel is a copy of one of the Lite's, and what reads it shares the weight out among the copies;
- a new block begins as the identity, its last BatchNorm at zero;
- a squeeze-excitation gate begins as a constant;
- SiLU(s * x) / s stands for ReLU(x): s goes into the BatchNorm before it.

Scales and offsets end up in the next BatchNorm's running statistics, so that these are what they would be had the
grown network measured them. Exact but for the SiLU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from models.backbones.backbone import Network
from models.backbones.efficientnet import B4, LITE2
from models.checkpoints.foreign_networks import misfit
from models.support.errors import ModelFileError

GROWN_FROM, GROWN_INTO = LITE2, B4
SHARPNESS = 8.0
"""With 2 the logits are no longer the Lite's; the figures are in docs/training.md."""
_GATE_BIAS = 3.0
"""The gates begin at sigmoid(3) = 0.95: open, and not so far that their gradient is gone."""
_QUADRATURE_POINTS = 501
_QUADRATURE_WIDTH = 8.0


@dataclass(frozen=True)
class _Signal:
    """How the maps of the B4 stand to the Lite's: ``b4[j] = scale[i] * lite[i] + offset[i]`` with ``i = source[j]``."""

    source: Tensor
    """``int64[channels of the B4]``."""
    scale: Tensor
    """``float64[channels of the Lite]``; so is the offset."""
    offset: Tensor

    def through_gate(self, gate: float) -> _Signal:
        return replace(self, scale=self.scale * gate, offset=self.offset * gate)


def grow(
    lite: Mapping[str, Tensor], *, sharpness: float = SHARPNESS, spread: float = 0.3, seed: int = 0
) -> dict[str, Tensor]:
    """The state_dict of a B4 with one logit that computes nearly what ``lite``, one of a Lite2, does.

    ``sharpness``: the s above. ``spread``: shares differ by up to this part of their mean, other ones for every
    reader, or else copies would learn the same for ever. ``seed``: of the shares, of which channels have copies, and of
    the new blocks. Raises :class:`ModelFileError` if ``lite`` is not a Lite2. Statistics must not be measured anew
    after growth: that was measured to spoil the result.
    """
    with torch.device("meta"):
        small = GROWN_FROM.build(None, None)
    if wrong := misfit(small.state_dict(), lite):
        raise ModelFileError(f"only an {GROWN_FROM.title} with one logit can be grown: {wrong}")
    small.load_state_dict(lite, assign=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        big = GROWN_INTO.build(None, None)
    with torch.no_grad():
        _Growth(small, big, sharpness, spread, seed).run()
    return {name: tensor.clone() for name, tensor in big.state_dict().items()}


class _Growth:
    """One growth, layer by layer from the input to the logit; writes into ``big``."""

    def __init__(self, small: Network, big: Network, sharpness: float, spread: float, seed: int) -> None:
        self._small, self._big = small, big
        self._sharpness, self._spread = sharpness, spread
        self._random = torch.Generator().manual_seed(seed)

    def run(self) -> None:
        old: list[Any] = list(self._small.features)
        new: list[Any] = list(self._big.features)
        stem, head = (old[0], new[0]), (old[-1], new[-1])
        signal = self._layer(*stem, self._pixels(), self._copies(*stem))
        for old_stage, new_stage in zip(old[1:-1], new[1:-1], strict=True):
            # One mapping for a stage, since its blocks add to the same channels.
            stream = self._copies(old_stage[0].block[-1], new_stage[0].block[-1])
            for number, block in enumerate(new_stage):
                if number < len(old_stage):
                    signal = self._block(old_stage[number].block, block.block, signal, stream)
                else:
                    self._identity(block.block)
        signal = self._layer(*head, signal, self._copies(*head))
        self._classifier(self._small.classifier[1], self._big.classifier[1], signal)

    def _pixels(self) -> _Signal:
        """Both take the same pixels, less a mean and over a deviation of their own."""
        old_mean, old_std, new_mean, new_std = (
            torch.tensor(values, dtype=torch.float64)
            for values in (self._small.mean, self._small.std, self._big.mean, self._big.std)
        )
        return _Signal(torch.arange(len(old_mean)), old_std / new_std, (old_mean - new_mean) / new_std)

    def _copies(self, old: Any, new: Any) -> Tensor:
        """Which of the old layer's output channels each of the new one's is: all of them once, some twice."""
        before, after = old[0].out_channels, new[0].out_channels
        extra = torch.randperm(before, generator=self._random)[: after - before]
        return torch.cat([torch.arange(before), extra])

    def _block(self, old: Any, new: Any, signal: _Signal, stream: Tensor) -> _Signal:
        if len(old) == 3:
            signal = self._layer(old[0], new[0], signal, self._copies(old[0], new[0]))
        signal = self._layer(old[-2], new[-3], signal, signal.source)
        gate = self._constant_gate(new[-2], self._sharpness)
        return self._layer(old[-1], new[-1], signal.through_gate(gate), stream)

    def _layer(self, old: Any, new: Any, inputs: _Signal, outputs: Tensor) -> _Signal:
        """Convolution, BatchNorm and, if there is one, activation. ``outputs``: the sources of the new channels."""
        convolution, norm = old[0], old[1]
        weight = convolution.weight.double()
        # A common scale is left to the BatchNorm: the weights stay as large as an optimiser expects them.
        common = inputs.scale.mean()
        if convolution.groups > 1:
            relative = (weight * (common / inputs.scale)[:, None, None, None])[outputs]
            shift = relative.sum((1, 2, 3)) * inputs.offset[outputs]
        else:
            relative = (weight * (common / inputs.scale)[None, :, None, None])[outputs]
            shift = relative.sum((2, 3)) @ inputs.offset
            relative = relative[:, inputs.source] * self._shares(len(outputs), inputs.source)[..., None, None]
        new[0].weight.copy_(relative)
        new[1].running_mean.copy_(norm.running_mean.double()[outputs] * common + shift)
        variance = (norm.running_var.double()[outputs] + norm.eps) * common**2
        new[1].running_var.copy_(variance - new[1].eps)
        sharp = self._sharpness if len(new) > 2 else 1.0
        new[1].weight.copy_(norm.weight[outputs] * sharp)
        new[1].bias.copy_(norm.bias[outputs] * sharp)
        scale = torch.full((convolution.out_channels,), sharp, dtype=torch.float64)
        if len(new) == 2:
            return _Signal(outputs, scale, torch.zeros_like(scale))
        return _Signal(outputs, scale, silu_deficit(norm.weight, norm.bias, sharp) * sharp)

    def _shares(self, readers: int, source: Tensor) -> Tensor:
        """``float64[readers, len(source)]``; in every row the shares of one source's copies add up to 1."""
        size = (readers, len(source))
        shares = 1 + self._spread * (2 * torch.rand(size, generator=self._random, dtype=torch.float64) - 1)
        totals = torch.zeros(readers, int(source.max()) + 1, dtype=torch.float64)
        return shares / totals.index_add_(1, source, shares)[:, source]

    def _constant_gate(self, excitation: Any, scale: float) -> float:
        """Make the gate forget its input, which comes ``scale`` times as large as usual; its value."""
        reduce, expand = excitation.fc1, excitation.fc2
        # Of the output's usual size, or the first steps would shake the gates.
        nn.init.normal_(
            reduce.weight, std=1 / (scale * math.sqrt(reduce.in_channels)), generator=self._random
        )
        nn.init.zeros_(reduce.bias)
        nn.init.zeros_(expand.weight)
        nn.init.constant_(expand.bias, _GATE_BIAS)
        return torch.tensor(_GATE_BIAS, dtype=torch.float64).sigmoid().item()

    def _identity(self, block: Any) -> None:
        """As :func:`models.backbones.backbone.start_from_nothing` begins all of them."""
        self._constant_gate(block[-2], 1.0)
        nn.init.zeros_(block[-1][1].weight)
        nn.init.zeros_(block[-1][1].bias)

    def _classifier(self, old: Any, new: Any, inputs: _Signal) -> None:
        weight = old.weight.double() / inputs.scale
        new.weight.copy_(weight[:, inputs.source] * self._shares(1, inputs.source))
        new.bias.copy_(old.bias - weight @ inputs.offset)


def silu_deficit(weight: Tensor, bias: Tensor, sharpness: float) -> Tensor:
    """Mean of ``silu(s * x) / s - relu(x)``, never above 0, behind a BatchNorm with these parameters.

    ``float64[channels]``, by quadrature, with x normal of mean ``bias`` and deviation ``|weight|``: no data are
    needed, as in the bias correction of Nagel et al. 2019 (arXiv 1906.04721, section 4.2).
    """
    points = torch.linspace(-_QUADRATURE_WIDTH, _QUADRATURE_WIDTH, _QUADRATURE_POINTS, dtype=torch.float64)
    density = torch.exp(-points.square() / 2)
    x = bias.double()[:, None] + weight.double().abs()[:, None] * points
    difference = nn.functional.silu(sharpness * x) / sharpness - x.relu()
    return difference @ (density / density.sum())

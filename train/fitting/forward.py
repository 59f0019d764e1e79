"""From a batch's pixels to logits: normalisation, precision and layout, the same for training and for judging."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.backbones.backbone import Network
from train.fitting.feature_cache import Tail, head


class Forward:
    """A network on its device."""

    def __init__(self, network: Network, device: torch.device, *, compiled_batch: int | None = None) -> None:
        """Moves ``network`` to ``device``, channels last. ``compiled_batch``: size of the batches that a
        compiled copy of it takes; an epoch's last may be smaller and would be compiled for minutes."""
        self.network, self.device = network, device
        network.to(device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(network.mean, device=device).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(network.std, device=device).view(1, 3, 1, 1) * 255
        self._compiled_batch = compiled_batch
        self._compiled: Any = torch.compile(network) if compiled_batch is not None else None

    def logits(self, inputs: Tensor, start: int | None = None) -> Tensor:
        """``float32[B]`` with gradients, of pixels ``uint8[B, size, size, 3]`` or, where ``start`` says from which
        block on, of remembered features."""
        inputs = inputs.to(self.device, non_blocking=True)
        network: Any = self.network
        if start is not None:
            network = Tail(self.network, start)
        elif len(inputs) == self._compiled_batch:
            network = self._compiled
        with self._precision():
            found: Tensor = network(inputs if start is not None else self._normalised(inputs))
        return found.float().reshape(-1)

    def features(self, pixels: Tensor, start: int) -> Tensor:
        """What the blocks before ``start`` make of ``pixels``, without gradients."""
        with torch.no_grad(), self._precision():
            return head(self.network, start, self._normalised(pixels))

    def judged(self, network: nn.Module, pixels: Tensor, *, exact: bool) -> Tensor:
        """``float32[B]`` on the CPU, of ``network``: this one, or an average of it, in the mode that it is in.

        ``exact``: in fp32, as an exported file computes, and not in bfloat16 on CUDA.
        """
        with torch.inference_mode(), self._precision(exact=exact):
            found: Tensor = network(self._normalised(pixels))
        return found.float().reshape(-1).cpu()

    def _normalised(self, pixels: Tensor) -> Tensor:
        batch = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        return ((batch - self._mean) / self._std).contiguous(memory_format=torch.channels_last)

    def _precision(self, *, exact: bool = False) -> torch.autocast:
        # bfloat16 is faster on CUDA and slower for training on CPUs.
        on_cuda = self.device.type == "cuda"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on_cuda and not exact)

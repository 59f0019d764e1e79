"""An exponential moving average of a network's weights and buffers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of ``network`` in eval mode that ``update_parameters`` lets follow it.

    In its first steps it follows faster, by 1 - (1 + n) / (10 + n) at step n (as TensorFlow's
    ``ExponentialMovingAverage`` with ``num_updates``): otherwise the initialisation would stay in it for long.
    """

    def average(before: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        if not before.is_floating_point():  # BatchNorm's counters
            return now
        n = float(steps)
        # Written so that equal numbers stay equal: frozen weights must not change by a bit.
        return torch.lerp(now, before, min(decay, (1 + n) / (10 + n)))

    model = AveragedModel(network, avg_fn=average, use_buffers=True)
    model.eval()
    return model

"""The moving average follows the network, fast at first, and leaves equal weights as they are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from train.fitting.ema import averaged


def network(value: float) -> nn.Module:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.constant_(model[0].weight, value)
    return model


def test_it_begins_as_a_copy_and_follows_with_a_rising_decay() -> None:
    model = network(0.0)
    average = averaged(model, decay=0.5)
    assert average.module is not model and not average.training
    average.update_parameters(model)
    nn.init.constant_(model[0].weight, 1.0)
    expected = 0.0
    for n in range(1, 9):
        average.update_parameters(model)
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay)
        assert average.module[0].weight.item() == pytest.approx(expected)


def test_buffers_follow_and_counters_are_copied() -> None:
    model = network(1.0)
    average = averaged(model, decay=0.9)
    for _ in range(3):
        model(torch.randn(16, 1) + 5)
        average.update_parameters(model)
    norm, follower = model[1], average.module[1]
    assert follower.num_batches_tracked == norm.num_batches_tracked == 3
    assert 0 < follower.running_mean.item() < norm.running_mean.item()


def test_what_does_not_change_does_not_change_by_a_bit() -> None:
    model = network(0.1)
    average = averaged(model, decay=0.999)
    for _ in range(50):
        average.update_parameters(model)
    assert torch.equal(average.module[0].weight, model[0].weight)

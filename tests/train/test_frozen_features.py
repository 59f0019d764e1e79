from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from models.backbones import build_network, start_from_nothing
from train.datasets.loader import Batch
from train.fitting.feature_cache import FrozenFeatures, Tail, head
from train.fitting.freezing import first_trainable
from train.recipes import TWO_PHASE, Phase


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    made = build_network(dropout=0.0, stochastic_depth=0.0)
    start_from_nothing(made)
    torch.nn.init.normal_(made.classifier[1].weight)
    return made.eval()


@pytest.mark.slow
def test_each_phase_of_two_phase_has_its_own_beginning(network: Any) -> None:
    assert [first_trainable(network, phase) for phase in TWO_PHASE.phases] == [9, 6]
    assert first_trainable(network, Phase("all", 1, 1e-3)) == 0
    with pytest.raises(ValueError, match="trains none"):
        first_trainable(network, Phase("typo", 1, 1e-3, trainable=("features.77.",)))


@pytest.mark.parametrize("start", [0, 1, 6, 9])
def test_head_and_tail_are_the_network(network: Any, start: int) -> None:
    batch = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features = head(network, start, batch)
        assert torch.equal(Tail(network, start)(features), network(batch))


def test_a_tail_holds_no_parameters_of_its_own(network: Any) -> None:
    tail = Tail(network, 6)
    # An optimiser or a checkpoint made from it would miss the network's names.
    assert list(tail.parameters()) == []
    tail(torch.randn(2, 160, 4, 4, requires_grad=True)).sum().backward()
    assert network.features[6][0].block[0][0].weight.grad is not None
    assert network.features[5][0].block[0][0].weight.grad is None


class Loads:
    """Pixels of which the first tells image and view; remembers what was asked for."""

    def __init__(self, order: Sequence[int], view: int) -> None:
        self.order, self.view = order, view
        self.asked: list[list[int]] = []

    def __call__(self, batches: Sequence[Sequence[int]]) -> Iterator[Batch]:
        self.asked = [[self.order[position] for position in positions] for positions in batches]
        for indices in self.asked:
            pixels = torch.zeros(len(indices), 1, 1, 3, dtype=torch.uint8)
            pixels[:, 0, 0, 0] = torch.tensor(indices)
            pixels[:, 0, 0, 1] = self.view
            yield Batch(pixels, torch.zeros(len(indices)), len(indices), 1.0)


def embed(pixels: Tensor) -> Tensor:
    return pixels[:, 0, 0, :2].float() * 10


def test_every_variant_is_computed_once() -> None:
    labels = [float(n % 2) for n in range(5)]
    features = FrozenFeatures(9, images=5, views=2, embed=embed)
    steps = [[0, 1, 2], [3, 4]]
    seen = []
    for epoch, order in enumerate([[4, 1, 4, 0, 1], [2, 2, 0, 1, 3], [0, 1, 2, 3, 4], [3, 2, 1, 0, 1]]):
        loads = Loads(order, epoch % 2)
        batches = list(features.batches(order, steps, labels, epoch, loads))
        assert torch.equal(
            torch.cat([batch.inputs for batch in batches]),
            torch.tensor([[index * 10.0, epoch % 2 * 10.0] for index in order]),
        )
        assert torch.cat([batch.labels for batch in batches]).tolist() == [labels[index] for index in order]
        seen.append((loads.asked, [(batch.made, batch.seconds) for batch in batches]))
    assert seen == [
        ([[4, 1], [0]], [(2, 1.0), (1, 1.0)]),
        ([[2, 0], [1, 3]], [(2, 1.0), (2, 1.0)]),
        ([[2], [3]], [(1, 1.0), (1, 1.0)]),
        ([], [(0, 0.0), (0, 0.0)]),
    ]


def test_the_memory_that_it_will_take() -> None:
    features = FrozenFeatures(9, images=5, views=3, embed=embed)
    assert features.needed_bytes(torch.zeros(1, 1, 1, 3, dtype=torch.uint8)) == 5 * 3 * 2 * 4

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.backbones import Network, build_network
from models.support.errors import Failure
from train.fitting import freezing
from train.recipes import SCRATCH, TWO_PHASE, Phase

CLASSIFIER, WITH_BLOCK_6 = TWO_PHASE.phases


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network()


def test_block_6_is_features_6(network: Network) -> None:
    names = [name for name, _ in network.blocks()]
    assert names == [f"features.{n}" for n in range(9)] + ["classifier"]
    # The stem is features.0; the seven MBConv stages are 1 to 7, of which the sixth has the most blocks: 8.
    assert len(dict(network.blocks())["features.6"]) == 8  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phase", "count"), [(CLASSIFIER, 2), (WITH_BLOCK_6, 2 + 8 * 13), (SCRATCH.phases[0], None)]
)
def test_only_a_phases_parameters_require_gradients(
    phase: Phase, count: int | None, network: Network
) -> None:
    trainable = freezing.prepare(network, phase)
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert len(trainable) == len(learning) == (count or len(list(network.parameters())))
    assert all(name.startswith(phase.trainable) for name in learning)


def test_the_next_phase_thaws_again(network: Network) -> None:
    for phase in (CLASSIFIER, WITH_BLOCK_6, SCRATCH.phases[0], CLASSIFIER):
        freezing.prepare(network, phase)
    assert [n for n, p in network.named_parameters() if p.requires_grad] == [
        "classifier.1.weight",
        "classifier.1.bias",
    ]


@pytest.mark.parametrize(
    ("phase", "training"),
    [(CLASSIFIER, {"classifier"}), (WITH_BLOCK_6, {"classifier", "features.6"})],
)
def test_frozen_blocks_are_in_eval_mode_with_all_they_hold(
    phase: Phase, training: set[str], network: Network
) -> None:
    network.train()
    freezing.set_modes(network, phase)
    for name, block in network.blocks():
        assert {module.training for module in block.modules()} == {name in training}


def test_all_layers_are_all_blocks(network: Network) -> None:
    network.eval()
    freezing.set_modes(network, SCRATCH.phases[0])
    assert all(block.training for _, block in network.blocks())


def test_a_step_leaves_every_frozen_tensor_as_it_was(network: Network) -> None:
    torch.manual_seed(4)
    optimizer = torch.optim.Adam(freezing.prepare(network, WITH_BLOCK_6), lr=5e-4)
    freezing.set_modes(network, WITH_BLOCK_6)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    nn.functional.softplus(network(torch.randn(2, 3, 64, 64))).mean().backward()
    optimizer.step()
    changed = {n for n, tensor in network.state_dict().items() if not torch.equal(before[n], tensor)}
    assert {"classifier.1.weight", "features.6.0.block.0.1.running_mean"} <= changed
    assert all(name.startswith(("classifier.", "features.6.")) for name in changed)


def test_a_phase_that_trains_nothing_is_refused(network: Network) -> None:
    with pytest.raises(Failure, match="trains nothing"):
        freezing.prepare(network, Phase("typo", 1, 1e-3, trainable=("feature.6.",)))

"""A Lite2 grown into a B4: nearly the same logits, and a start that training can leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.backbones import Network, build_network
from models.backbones.growth import grow, silu_deficit
from models.support.errors import ModelFileError

State = dict[str, Tensor]
LITE = "efficientnet_lite2"


def faces(count: int, size: int, seed: int) -> Tensor:
    """``float32[count, 3, size, size]`` in [0, 1]: a bright oval with two dark spots on a smooth ground, some noise."""
    random = torch.Generator().manual_seed(seed)
    grid = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    coarse = torch.rand(count, 3, 5, 5, generator=random)
    pictures = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
    for picture in pictures:
        place, width, colour = (
            torch.rand(2, generator=random) - 0.5,
            0.4 + torch.rand(1, generator=random) / 3,
            torch.rand(3, 1, generator=random),
        )
        head = ((x - place[0]) / width) ** 2 + ((y - place[1]) / width / 1.3) ** 2 < 1
        picture[:, head] = 0.3 * picture[:, head] + 0.7 * colour
        for side in (-0.35, 0.35):
            eye = (x - place[0] - side * width) ** 2 + (y - place[1] + width / 4) ** 2 < (width / 7) ** 2
            picture[:, eye] *= 0.3
        picture += 0.1 * torch.rand(1, generator=random) * torch.randn(picture.shape, generator=random)
    return pictures.clamp(0, 1)


def logits(network: Network, pictures: Tensor) -> Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (network.mean, network.std))
    with torch.inference_mode():
        return network.eval()((pictures - mean) / std)[:, 0].double()


def correlation(one: Tensor, other: Tensor) -> float:
    return float(np.corrcoef(one, other)[0, 1])


@pytest.fixture(scope="module")
def lite() -> Network:
    """Random weights with the statistics of pictures behind them, and a classifier of what varies most among these."""
    torch.manual_seed(11)
    network = build_network(LITE, dropout=0.0, stochastic_depth=0.0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # type: ignore[assignment]
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.3)
            if getattr(module, "use_res_connect", False):
                module.block[-1][1].weight *= 0.3  # type: ignore[operator, index, union-attr]
        shown = [(faces(16, 96, seed) * 255 - 127) / 128 for seed in range(2)]
        network.train()
        for pictures in shown:
            network(pictures)
        network.eval()
        features = torch.cat([network.pooled(network.features(pictures)) for pictures in shown])
        mean = features.mean(0)
        _, sizes, directions = torch.linalg.svd(features - mean, full_matrices=False)
        head: Any = network.classifier[1]
        head.weight.copy_(directions[:1] * len(features) ** 0.5 / sizes[0])
        head.bias.copy_(-head.weight @ mean)
    return network


@pytest.fixture(scope="module")
def grown(lite: Network) -> State:
    return grow(lite.state_dict())


def loaded(state: State) -> Network:
    with torch.device("meta"):
        network = build_network(dropout=0.0, stochastic_depth=0.0)
    network.load_state_dict(state, assign=True)
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "count"), [(160, 10), (260, 5)])
def test_the_logits_are_nearly_the_lites(lite: Network, grown: State, size: int, count: int) -> None:
    pictures = faces(count, size, 7)
    before, after = logits(lite, pictures), logits(loaded(grown), pictures)
    assert before.std() > 0.5
    assert correlation(before, after) >= 0.98


@pytest.mark.slow
def test_but_for_silu_and_the_border_growth_is_exact(lite: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one normalisation both pad with one colour, and a very sharp SiLU is a ReLU."""
    kind = type(build_network())
    monkeypatch.setattr(kind, "mean", lite.mean)
    monkeypatch.setattr(kind, "std", lite.std)
    pictures = faces(4, 96, 8)
    before, after = logits(lite, pictures), logits(loaded(grow(lite.state_dict(), sharpness=1e4)), pictures)
    assert (before - after).abs().max() < 0.002 * before.std()


@pytest.mark.slow
def test_growth_is_decided_by_its_seed_and_leaves_torchs_alone(lite: Network, grown: State) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    again = grow(lite.state_dict())
    assert torch.equal(torch.rand(3), expected)
    assert again.keys() == grown.keys() and all(torch.equal(again[name], grown[name]) for name in grown)
    other = grow(lite.state_dict(), seed=1)
    assert not torch.equal(other["features.8.0.weight"], grown["features.8.0.weight"])


@pytest.mark.slow
def test_new_blocks_are_identities_and_gates_constant(lite: Network, grown: State) -> None:
    network: Any = loaded(grown)
    new_blocks = 0
    with torch.inference_mode():
        for old_stage, stage in zip(lite.features[1:8], network.features[1:8], strict=True):  # type: ignore[arg-type]
            for block in stage[len(old_stage) :]:
                features = torch.randn(1, block.block[-1][0].out_channels, 6, 6)
                assert torch.equal(block(features), features)
                new_blocks += 1
        gates = [m for m in network.modules() if type(m).__name__ == "SqueezeExcitation"]
        for gate in gates:
            features = torch.randn(2, gate.fc1.in_channels, 5, 5)
            torch.testing.assert_close(gate(features), features * torch.tensor(3.0).sigmoid())
    assert (new_blocks, len(gates)) == (11, 32)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_only_unequal_shares_let_copies_part(lite: Network, spread: float) -> None:
    network: Any = loaded(grow(lite.state_dict(), spread=spread))
    kernels = network.features[3][1].block[1][0].weight
    before = kernels.detach().clone()
    old = lite.features[3][1].block[1][0].out_channels  # type: ignore[index, union-attr]
    copies = [
        (new, int((before[:old] == before[new]).flatten(1).all(1).nonzero()[0]))
        for new in range(old, len(before))
    ]
    assert len(copies) == 336 - 288
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (network.mean, network.std))
    found = network.train()((faces(2, 64, 9) - mean) / std)[:, 0]
    nn.functional.binary_cross_entropy_with_logits(found, torch.tensor([0.0, 1.0])).backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    step = kernels.detach() - before
    apart = torch.stack([(step[new] - step[source]).norm() / step[source].norm() for new, source in copies])
    assert torch.isfinite(apart).all()
    assert apart.median() > 0.05 if spread else apart.max() < 0.01


def test_the_offset_of_silu_is_that_of_samples() -> None:
    weight, bias = torch.tensor([1.0, -0.5, 2.0, 0.0]), torch.tensor([0.0, 0.3, -1.0, 0.1])
    x = bias + weight * torch.randn(400_000, 4, generator=torch.Generator().manual_seed(0))
    sampled = (nn.functional.silu(8 * x) / 8 - x.relu()).mean(0).double()
    torch.testing.assert_close(silu_deficit(weight, bias, 8.0), sampled, atol=1e-4, rtol=0)


def test_other_tensors_are_refused_in_one_sentence(lite: Network) -> None:
    for state in (
        build_network().state_dict(),
        {k: v for k, v in lite.state_dict().items() if "classifier" not in k},
    ):
        with pytest.raises(ModelFileError, match="only an EfficientNet-Lite2 with one logit can be grown: "):
            grow(state)

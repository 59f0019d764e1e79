"""The network as it is built: from nothing, from ImageNet's weights, from others."""

from __future__ import annotations

import urllib.error
from pathlib import Path
from typing import Any

import pytest
import torch
from network_files import State, differing, refusal
from torch import Tensor
from torchvision.models import EfficientNet, EfficientNet_B4_Weights, efficientnet_b4
from torchvision.models.efficientnet import MBConv

from models.backbones import B4, build_network, start_from_nothing
from models.backbones.imagenet import load_torchvision_b4


def randomised(network: EfficientNet, seed: int) -> State:
    """Every tensor different from every other network's, the BatchNorm statistics too."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(tensor.shape, generator=generator) * 0.1 + 0.5
        if tensor.is_floating_point()
        else torch.full_like(tensor, seed)
        for name, tensor in network.state_dict().items()
    }


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the shape of torchvision's weights, with numbers of its own."""
    file = tmp_path_factory.mktemp("imagenet") / "efficientnet_b4.pth"
    torch.save(randomised(efficientnet_b4(weights=None), 7), file)
    return file


# The network


@pytest.mark.slow
def test_it_has_one_logit_from_1792_features() -> None:
    network = build_network()
    assert network.classifier[1].in_features == B4.width == 1792
    assert network.classifier[1].out_features == 1
    assert [name for name, _ in network.features.named_children()] == [str(n) for n in range(9)]
    with torch.inference_mode():
        assert network.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 1)


@pytest.mark.slow
def test_regularisation_is_torchvisions_unless_named() -> None:
    def of(network: EfficientNet) -> tuple[float, float]:
        paths = [m.stochastic_depth.p for m in network.modules() if isinstance(m, MBConv)]
        return network.classifier[0].p, max(paths)

    dropout, depth = of(build_network())
    assert dropout == 0.4 and 0.15 < depth < 0.2
    assert of(build_network(dropout=0.0, stochastic_depth=0.0)) == (0.0, 0.0)
    assert of(build_network(dropout=0.25))[0] == 0.25


@pytest.mark.slow
def test_from_nothing_every_residual_block_is_the_identity_and_the_logit_is_0() -> None:
    torch.manual_seed(1)
    network = build_network(dropout=0.0, stochastic_depth=0.0)
    start_from_nothing(network)
    seen: list[str] = []

    def check(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(type(module).__name__)
        assert torch.equal(inputs[0], output)

    for module in network.modules():
        if isinstance(module, MBConv) and module.use_res_connect:
            module.register_forward_hook(check)
    pixels = torch.randn(3, 3, 64, 64)
    for mode in (True, False):
        with torch.inference_mode():
            assert torch.equal(network.train(mode)(pixels), torch.zeros(3, 1))
    assert len(seen) == 2 * 25


@pytest.mark.slow
def test_from_nothing_leaves_the_other_weights_random() -> None:
    torch.manual_seed(1)
    network = build_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    start_from_nothing(network)
    changed = differing(before, network.state_dict())
    assert changed and all(name.endswith(".1.weight") or name.startswith("classifier.1") for name in changed)
    assert before["features.0.0.weight"].std() > 0


# ImageNet weights


@pytest.mark.slow
def test_pretrained_weights_survive_construction(imagenet_file: Path) -> None:
    torch.manual_seed(2)
    network = build_network()
    head = {k: v.clone() for k, v in network.state_dict().items() if k.startswith("classifier.")}
    load_torchvision_b4(network, imagenet_file)
    given, now = torch.load(imagenet_file, weights_only=True), network.state_dict()
    backbone = [name for name in given if not name.startswith("classifier.")]
    assert len(backbone) == len(now) - 2
    assert [name for name in backbone if not torch.equal(given[name], now[name])] == []
    assert all(torch.equal(head[name], now[name]) for name in head)
    assert now["classifier.1.weight"].shape == (1, 1792)


@pytest.mark.slow
def test_without_a_file_torchvision_fetches_its_own(
    imagenet_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = torch.load(imagenet_file, weights_only=True)
    asked: list[dict[str, Any]] = []

    def fetch(self: EfficientNet_B4_Weights, **options: Any) -> State:
        asked.append(options)
        return given

    monkeypatch.setattr(EfficientNet_B4_Weights, "get_state_dict", fetch)
    network = build_network()
    load_torchvision_b4(network)
    assert torch.equal(network.state_dict()["features.8.0.weight"], given["features.8.0.weight"])
    assert asked == [{"progress": False, "check_hash": True}]


@pytest.mark.parametrize(
    "error", [OSError("no network"), urllib.error.URLError("no route"), RuntimeError("invalid hash value")]
)
def test_weights_that_cannot_be_fetched_are_refused_with_the_remedy(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: EfficientNet_B4_Weights, **options: Any) -> State:
        raise error

    monkeypatch.setattr(EfficientNet_B4_Weights, "get_state_dict", fail)
    message = refusal(lambda: load_torchvision_b4(build_network()))
    assert "--init FILE" in message and EfficientNet_B4_Weights.IMAGENET1K_V1.url in message


@pytest.mark.slow
def test_other_weights_are_no_imagenet_weights(imagenet_file: Path, tmp_path: Path) -> None:
    given = torch.load(imagenet_file, weights_only=True)
    variants: list[State] = [
        {k: v for k, v in given.items() if k != "features.4.0.block.0.0.weight"},
        given | {"features.9.weight": torch.zeros(1)},
        given | {"features.0.0.weight": torch.zeros(8, 3, 3, 3)},
    ]
    network = build_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for number, variant in enumerate(variants):
        file = tmp_path / f"{number}.pth"
        torch.save(variant, file)
        message = refusal(lambda file=file: load_torchvision_b4(network, file))  # type: ignore[misc]
        assert str(file) in message and "1 " in message
    assert differing(before, network.state_dict()) == []

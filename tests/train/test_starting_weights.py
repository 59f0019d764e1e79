from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import EfficientNet_B4_Weights, efficientnet_b4

from models.backbones import Network, build_network
from models.backbones.growth import grow
from models.contract import DEFAULT_NETWORK, ModelMetadata
from models.support.errors import ModelFileError
from train.fitting import init_weights
from train.fitting.init_weights import starting_network
from train.recipes import SCRATCH, TWO_PHASE, Recipe

State = dict[str, Tensor]
HEAD = ("classifier.1.weight", "classifier.1.bias")


def started(init: str, recipe: Recipe, network: str = DEFAULT_NETWORK) -> Network:
    return starting_network(init, recipe, network)[0]


@pytest.fixture(scope="module")
def state() -> State:
    torch.manual_seed(5)
    network = build_network()
    network.classifier[1].bias.data.fill_(0.25)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.fixture
def exported(state: State, tmp_path: Path) -> Callable[..., Path]:
    """A file with the tensors and metadata of an export, and without its graph."""

    def export(positive: str = "fake", dtype: type = np.float32, **props: str) -> Path:
        return written(state, tmp_path / "x.onnx", positive, dtype, **props)

    return export


def written(state: State, file: Path, positive: str = "fake", dtype: type = np.float32, **props: str) -> Path:
    tensors = [
        numpy_helper.from_array(tensor.numpy().astype(dtype), name)
        for name, tensor in state.items()
        if tensor.is_floating_point()
    ]
    model = helper.make_model(helper.make_graph([], "tensors", [], [], tensors))
    helper.set_model_props(model, ModelMetadata("x", "1", positive).to_props() | props)
    onnx.save(model, str(file))
    return file


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_recipe_decides_the_regularisation() -> None:
    assert started("random", SCRATCH).classifier[0].p == 0.0
    assert started("random", TWO_PHASE).classifier[0].p == 0.4


@pytest.mark.slow
def test_random_begins_at_logit_0_and_by_the_seed() -> None:
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(started("random", SCRATCH).state_dict())
    assert same(networks[0], networks[1]) and not same(networks[0], networks[2])
    assert not networks[0]["classifier.1.weight"].any()


@pytest.mark.slow
def test_a_checkpoint_file_is_taken_as_it_is(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "bare.pth")
    torch.save({"model": state}, tmp_path / "run.pt")
    for name in ("bare.pth", "run.pt"):
        for recipe in (SCRATCH, TWO_PHASE):
            assert same(started(str(tmp_path / name), recipe).state_dict(), state)


@pytest.mark.slow
def test_the_usual_wrappings_are_taken_off(state: State, tmp_path: Path) -> None:
    save_file(state, tmp_path / "x.safetensors")
    torch.save({"state_dict": {f"net.module.{k}": v for k, v in state.items()}}, tmp_path / "x.ckpt")
    for name in ("x.safetensors", "x.ckpt"):
        assert same(started(str(tmp_path / name), TWO_PHASE).state_dict(), state)


@pytest.mark.slow
def test_an_imagenet_file_is_known_by_its_thousand_classes(tmp_path: Path) -> None:
    torch.manual_seed(6)
    given = efficientnet_b4(weights=None).state_dict()
    torch.save(
        {"model": {f"module.{name}": tensor for name, tensor in given.items()}}, tmp_path / "imagenet.pth"
    )
    now = started(str(tmp_path / "imagenet.pth"), TWO_PHASE).state_dict()
    assert all(torch.equal(now[name], given[name]) for name in given if name not in HEAD)
    assert now["classifier.1.weight"].shape == (1, 1792)


def test_imagenet_is_torchvisions_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(self: EfficientNet_B4_Weights, **options: Any) -> State:
        raise OSError("no network")

    monkeypatch.setattr(EfficientNet_B4_Weights, "get_state_dict", offline)
    with pytest.raises(ModelFileError, match="--init FILE"):
        started("imagenet", TWO_PHASE)


@pytest.mark.slow
def test_an_exported_file_is_taken_bit_for_bit(state: State, exported: Callable[..., Path]) -> None:
    assert same(started(str(exported()), TWO_PHASE).state_dict(), state)
    rounded = {k: v.half().float() if v.is_floating_point() else v for k, v in state.items()}
    assert same(started(str(exported(dtype=np.float16)), TWO_PHASE).state_dict(), rounded)


@pytest.mark.slow
def test_a_classifier_that_meant_real_is_turned_round(state: State, exported: Callable[..., Path]) -> None:
    now = started(str(exported(positive="real")), TWO_PHASE).state_dict()
    assert same(now, state | {name: -state[name] for name in HEAD})


@pytest.mark.slow
def test_the_shipped_weights_are_one_exported_file(
    state: State, exported: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = exported()
    monkeypatch.setattr(init_weights, "resolve_model", lambda path: (file, "0" * 64))
    assert same(started("shipped", TWO_PHASE).state_dict(), state)


@pytest.mark.slow
def test_files_of_others_are_refused_in_one_sentence(
    state: State, exported: Callable[..., Path], tmp_path: Path
) -> None:
    torch.save({k: v for k, v in state.items() if "features.6" not in k}, tmp_path / "few.pth")
    torch.save(state | {"classifier.1.weight": torch.tensor(1.0)}, tmp_path / "scalar.pth")
    torch.save(efficientnet_b4(weights=None, num_classes=2).state_dict(), tmp_path / "two.pth")
    (tmp_path / "text.pth").write_text("text")
    foreign = exported(contract="9").rename(tmp_path / "contract9.onnx")
    for file in ("few.pth", "scalar.pth", "two.pth", "text.pth", "none.pth", "none.onnx", foreign.name):
        with pytest.raises(ModelFileError) as caught:
            started(str(tmp_path / file), TWO_PHASE)
        assert file in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def lite() -> State:
    torch.manual_seed(7)
    network = build_network("efficientnet_lite2")
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pt", ".onnx"])
def test_a_lite2_is_grown_where_a_b4_is_wanted(lite: State, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"lite{suffix}"
    if suffix == ".pt":
        torch.save({"model": lite, "network": "efficientnet_lite2"}, file)
    else:
        written(lite, file, network='"efficientnet_lite2"')
    network, origin = starting_network(str(file), TWO_PHASE)
    assert network.backbone == DEFAULT_NETWORK and same(network.state_dict(), grow(lite))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert origin == {"from": file.name, "sha256": sha256, "grown_from": "efficientnet_lite2"}


def test_a_lite2_stays_one_where_a_lite2_is_wanted(lite: State, tmp_path: Path) -> None:
    torch.save(lite, tmp_path / "lite.pth")
    network, origin = starting_network(str(tmp_path / "lite.pth"), TWO_PHASE, "efficientnet_lite2")
    assert same(network.state_dict(), lite) and "grown_from" not in origin


@pytest.mark.slow
def test_a_b4_does_not_shrink_into_a_lite2(
    state: State, exported: Callable[..., Path], tmp_path: Path
) -> None:
    torch.save(state, tmp_path / "b4.pth")
    for file in (tmp_path / "b4.pth", exported()):
        with pytest.raises(
            ModelFileError, match="is an EfficientNet-B4, not an EfficientNet-Lite2: --network effic"
        ):
            starting_network(str(file), TWO_PHASE, "efficientnet_lite2")

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor
from torchvision.models import EfficientNet, EfficientNet_B4_Weights, efficientnet_b4
from torchvision.models.efficientnet import MBConv

from export.convert import convert
from models.backbones import B4, build_network, start_from_nothing
from models.backbones.imagenet import load_torchvision_b4
from models.contract import Label
from models.network import load_network, load_tensors, read_checkpoint, read_state_dict, state_dict_from_onnx
from models.storage import Store, stored_state
from models.support.errors import ModelFileError

State = dict[str, Tensor]


def differing(one: State, other: State) -> list[str]:
    assert list(one) == list(other)
    return [name for name in one if not torch.equal(one[name], other[name])]


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
def state() -> State:
    """A network's tensors after some training, as it were."""
    torch.manual_seed(8)
    network = build_network()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.01)
                module.running_var.uniform_(0.9, 1.1)
                module.bias.normal_(0, 0.1)
        start_from_nothing(network)
        network.classifier[1].weight.normal_(0, 0.05)
        network.classifier[1].bias.fill_(0.25)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the shape of torchvision's weights, with numbers of its own."""
    file = tmp_path_factory.mktemp("imagenet") / "efficientnet_b4.pth"
    torch.save(randomised(efficientnet_b4(weights=None), 7), file)
    return file


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ModelFileError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


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


# Checkpoints


@pytest.mark.slow
def test_a_network_comes_back_from_its_checkpoint_bit_for_bit(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "bare.pth")
    torch.save({"model": state, "summary": {"seed": 1}}, tmp_path / "run.pt")
    for name in ("bare.pth", "run.pt"):
        network = load_network(read_state_dict(tmp_path / name), where=name)
        assert differing(state, network.state_dict()) == []
        assert not network.training


def test_foreign_tensors_are_refused_and_nothing_is_loaded(state: State) -> None:
    network = build_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    wide = state | {"classifier.1.weight": torch.zeros(1000, 1792)}
    message = refusal(lambda: load_tensors(network, wide, where="wide.pth"))
    assert "wide.pth" in message and "classifier.1.weight" in message
    few = {k: v for k, v in state.items() if "features.7" not in k}
    assert "few.pth is not an EfficientNet-B4" in refusal(lambda: load_tensors(network, few, where="few.pth"))
    assert "1 unknown" in refusal(lambda: load_tensors(network, state | {"x": torch.ones(1)}, where="x"))
    assert differing(before, network.state_dict()) == []


class Trap:
    """Unpickled by an unguarded reader, it writes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    sign = tmp_path / "it-ran"
    torch.save({"model": {"x": Trap(sign)}}, tmp_path / "trap.pt")
    assert "trap.pt is not a readable torch checkpoint" in refusal(
        lambda: read_checkpoint(tmp_path / "trap.pt")
    )
    assert not sign.exists()
    torch.load(tmp_path / "trap.pt", weights_only=False)
    assert sign.exists(), "the trap must work, or the test shows nothing"


def test_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    assert "none.pt does not exist" in refusal(lambda: read_checkpoint(tmp_path / "none.pt"))


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no zip", b"\x80\x02}q\x00."])
def test_bytes_that_are_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(content)
    assert "x.pt" in refusal(lambda: read_state_dict(file))


def test_a_checkpoint_cut_short(state: State, tmp_path: Path) -> None:
    file = tmp_path / "cut.pt"
    torch.save(state, file)
    file.write_bytes(file.read_bytes()[:1_000_000])
    assert "cut.pt is not a readable torch checkpoint" in refusal(lambda: read_checkpoint(file))


@pytest.mark.parametrize(
    "content", [[1, 2], {}, {"model": {}}, {"model": 3}, {"model": {"x": 1}}, {"epoch": 1}]
)
def test_values_that_are_no_state_dict(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pt")
    assert "x.pt holds" in refusal(lambda: read_state_dict(tmp_path / "x.pt"))


# Exported files


@pytest.fixture(scope="module")
def exports(state: State, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """As the export converts them; its proof is tests/export's business."""
    folder = tmp_path_factory.mktemp("exports")
    files = {}
    for store in Store:
        network = load_network(stored_state(state, store, where="x"), where="x")
        model = convert(network, store=store, positive=Label.FAKE, temperature=1.0)
        files[store.value] = folder / f"{store}.onnx"
        onnx.save(model, str(files[store.value]))
    return files


@pytest.mark.slow
def test_a_network_comes_back_from_its_export_bit_for_bit(state: State, exports: dict[str, Path]) -> None:
    network = load_network(state_dict_from_onnx(exports["fp32"]), where="fp32.onnx")
    assert differing(state, network.state_dict()) == []


@pytest.mark.slow
def test_from_fp16_come_the_rounded_numbers(state: State, exports: dict[str, Path]) -> None:
    rounded = {k: v.half().float() if v.is_floating_point() else v for k, v in state.items()}
    assert differing(rounded, state_dict_from_onnx(exports["fp16"])) == []
    assert len(differing(rounded, state)) > 100


def test_an_export_that_is_not_there_or_no_onnx_file(exports: dict[str, Path], tmp_path: Path) -> None:
    assert "none.onnx does not exist" in refusal(lambda: state_dict_from_onnx(tmp_path / "none.onnx"))
    for content in (b"text, not a model", exports["fp32"].read_bytes()[:5_000_000]):
        (tmp_path / "x.onnx").write_bytes(content)
        assert "x.onnx is not" in refusal(lambda: state_dict_from_onnx(tmp_path / "x.onnx"))


def test_a_precision_variant_is_refused_with_the_way_out(exports: dict[str, Path], tmp_path: Path) -> None:
    variant = onnx.load(str(exports["fp32"]))
    helper.set_model_props(
        variant, {p.key: p.value for p in variant.metadata_props} | {"precision": '"int8"'}
    )
    onnx.save(variant, str(tmp_path / "v.onnx"))
    message = refusal(lambda: state_dict_from_onnx(tmp_path / "v.onnx"))
    assert "v.onnx is a variant that computes in int8" in message and "fp32 file" in message


def test_foreign_and_altered_exports_are_refused(exports: dict[str, Path], tmp_path: Path) -> None:
    foreign = helper.make_model(helper.make_graph([], "nothing", [], []))
    onnx.save(foreign, str(tmp_path / "foreign.onnx"))
    message = refusal(lambda: state_dict_from_onnx(tmp_path / "foreign.onnx"))
    assert "foreign.onnx is not one of this tool's exports" in message

    altered = onnx.load(str(exports["fp32"]))
    for tensor in altered.graph.initializer:
        if tensor.name == "classifier.1.weight":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[:, :5], tensor.name))
    onnx.save(altered, str(tmp_path / "altered.onnx"))
    message = refusal(lambda: state_dict_from_onnx(tmp_path / "altered.onnx"))
    assert "'classifier.1.weight'" in message

"""The network as it is read: from checkpoints and exports, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from network_files import State, differing, refusal
from onnx import helper, numpy_helper

from export.convert import convert
from models.backbones import build_network, start_from_nothing
from models.contract import Label
from models.network import load_network, load_tensors, read_checkpoint, read_state_dict, state_dict_from_onnx
from models.storage import Store, stored_state


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

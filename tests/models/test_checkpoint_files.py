from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from models.checkpoints.files import read_weights
from models.support.errors import ModelFileError


def refusal(file: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_weights(file)
    message = str(caught.value)
    assert str(file) in message and "\n" not in message
    return message


def test_safetensors_are_read_by_suffix_and_by_content(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.arange(4.0).reshape(2, 2), "b": torch.ones(1, dtype=torch.bfloat16)}
    for name in ("x.safetensors", "x.SafeTensors", "x.pth"):
        save_file(tensors, tmp_path / name)
        read: Any = read_weights(tmp_path / name)
        assert read.keys() == tensors.keys() and all(torch.equal(read[key], tensors[key]) for key in read)


def test_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.ones(100)}, tmp_path / "x.safetensors")
    whole = (tmp_path / "x.safetensors").read_bytes()
    for content in (b"", whole[:50], whole[:-9], b"\xff" * 8 + whole[8:]):
        (tmp_path / "x.safetensors").write_bytes(content)
        assert "x.safetensors is not a readable safetensors file" in refusal(tmp_path / "x.safetensors")


def test_without_the_library_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "x.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert 'pip install "deepfake-scanner[safetensors]"' in refusal(tmp_path / "x.safetensors")


@pytest.mark.parametrize("zipped", [True, False])
def test_options_in_a_namespace_are_plain_values(tmp_path: Path, zipped: bool) -> None:
    content = {"args": argparse.Namespace(model="x", lr=0.1), "state_dict": {"a": torch.ones(1)}}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    read: Any = read_weights(tmp_path / "x.pth")
    assert vars(read["args"]) == {"model": "x", "lr": 0.1}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content", [nn.Linear(1, 1), {"model": nn.Linear(1, 1), "args": argparse.Namespace()}]
)
def test_a_pickled_network_is_refused_with_the_way_out(tmp_path: Path, content: object, zipped: bool) -> None:
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    message = refusal(tmp_path / "x.pth")
    assert "it holds a whole network (torch.nn.modules.linear.Linear)" in message
    assert "weights_only=False" in message and "network.state_dict()" in message


class Trap:
    """Unpickled by an unguarded reader, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_named_and_not_run(tmp_path: Path, zipped: bool) -> None:
    sign = tmp_path / "it-ran"
    torch.save(
        {"state_dict": {"a": torch.ones(1)}, "x": Trap(sign)},
        tmp_path / "x.pth",
        _use_new_zipfile_serialization=zipped,
    )
    message = refusal(tmp_path / "x.pth")
    assert (
        "is not a readable torch checkpoint without running code" in message
        and "more than tensors" in message
    )
    assert 'torch.save(checkpoint["state_dict"]' in message
    assert not sign.exists()
    torch.load(tmp_path / "x.pth", weights_only=False)
    assert sign.exists(), "the trap must work, or the test shows nothing"


def test_a_torchscript_archive_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    with pytest.warns(FutureWarning):
        torch.jit.script(nn.Linear(1, 1)).save(str(file))
    message = refusal(file)
    assert "is a TorchScript archive" in message and 'torch.jit.load("x.pt").state_dict()' in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89HDF\r\n\x1a\n....", "an HDF5 file, as Keras writes them"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"text", "not a readable torch checkpoint"),
        (b"", "not a readable torch checkpoint"),
    ],
)
def test_files_of_another_kind(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    assert said in refusal(tmp_path / "x.pth")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "none.pt does not exist" in refusal(tmp_path / "none.pt")

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from export.checkpoint import open_checkpoint
from models.backbones import build_network
from models.contract import Label
from models.support.errors import ModelFileError


@pytest.fixture
def save(tmp_path: Path) -> Any:
    def save(**changes: Any) -> Path:
        content: dict[str, Any] = {
            "format": "deepfake-scanner checkpoint",
            "format_version": 1,
            "positive": "fake",
            "summary": {"select_auc": 0.9},
            "model": {"weight": torch.ones(2)},
        }
        torch.save(content | changes, tmp_path / "best.pt")
        return tmp_path / "best.pt"

    return save


def test_run_says_its_own_orientation(save: Any) -> None:
    file = save()
    for positive in (None, Label.FAKE):
        assert open_checkpoint(file, positive).positive is Label.FAKE
    assert open_checkpoint(save(positive="real"), None).positive is Label.REAL


def test_folder_stands_for_its_best_checkpoint(save: Any, tmp_path: Path) -> None:
    save()
    opened = open_checkpoint(tmp_path, None)
    assert opened.file == tmp_path / "best.pt"
    assert opened.name == tmp_path.name
    assert torch.equal(opened.state["weight"], torch.ones(2))


def test_figure_that_is_not_a_number_is_unknown(save: Any) -> None:
    opened = open_checkpoint(save(summary={"auc": math.nan, "loss": [math.inf, 1.5]}), None)
    assert opened.training == {"auc": None, "loss": [None, 1.5]}


@pytest.mark.parametrize(
    ("changes", "positive", "message"),
    [
        ({}, Label.REAL, "leave --positive out"),
        ({"format_version": 2}, None, "format 2"),
        ({"positive": None}, None, "does not say what its sigmoid means"),
        ({"summary": {"weights": torch.ones(1)}}, None, "more than JSON can"),
        ({"summary": "good"}, None, "no table"),
        ({"format": "another tool"}, None, "--positive fake or --positive real"),
        ({"model": {}}, None, "no state_dict"),
    ],
)
def test_refused_run(changes: Any, positive: Label | None, message: str, save: Any) -> None:
    with pytest.raises(ModelFileError, match=message):
        open_checkpoint(save(**changes), positive)


def test_bare_state_dict_needs_an_orientation(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"weight": torch.ones(2)}, file)
    with pytest.raises(ModelFileError, match="bare state_dict"):
        open_checkpoint(file, None)
    opened = open_checkpoint(file, Label.REAL)
    assert (opened.positive, opened.training, opened.name) == (Label.REAL, None, "weights")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {f"_orig_mod.{name}": tensor for name, tensor in state.items()},
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model_state_dict": state, "epoch": 3},
        lambda state: {"model": state, "epoch": 3},
    ],
)
def test_the_usual_wrappings_of_a_network_are_taken_off(wrap: Any, tmp_path: Path) -> None:
    with torch.device("meta"):
        names = build_network().state_dict()
    state = {name: torch.full((), float(number)) for number, name in enumerate(names)}
    torch.save(wrap(state), tmp_path / "x.pth")
    opened = open_checkpoint(tmp_path / "x.pth", Label.FAKE)
    assert opened.state == state and opened.training is None


@pytest.mark.slow
def test_which_of_two_copies_was_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with torch.device("meta"):
        names = build_network().state_dict()
    copies = {
        key: {name: torch.full((), value) for name in names} for key, value in (("model", 1.0), ("ema", 2.0))
    }
    torch.save(copies, tmp_path / "x.pth")
    assert all(tensor == 2.0 for tensor in open_checkpoint(tmp_path / "x.pth", Label.FAKE).state.values())
    said = capsys.readouterr().err
    assert said.startswith("warning: ") and said.count("\n") == 1
    assert "x.pth holds the network 2 times; taken: ema (averaged weights); not taken: model." in said


def test_folder_without_a_best_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no best\.pt"):
        open_checkpoint(tmp_path, None)


def test_file_that_changes_while_it_is_read_is_refused(save: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save()
    digests = iter(["first", "second"])
    monkeypatch.setattr("export.checkpoint.sha256_file", lambda path: next(digests))
    with pytest.raises(ModelFileError, match="changed while it was read"):
        open_checkpoint(file, None)

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from models.checkpoints.format import CHECKPOINT_FORMAT
from models.support.errors import ModelFileError, OutputError
from train.fitting import checkpoint


def test_a_checkpoint_comes_back_with_plain_values(tmp_path: Path) -> None:
    file = tmp_path / "last.pt"
    checkpoint.save(file, model={"x": torch.arange(3)}, summary={"seed": 1, "auc": None})
    content = checkpoint.load(file)
    assert torch.equal(content["model"]["x"], torch.arange(3))
    assert content["summary"] == {"seed": 1, "auc": None}
    assert content["positive"] == "fake"
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_crash_while_writing_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "last.pt"
    checkpoint.save(file, model={"x": torch.ones(1)})

    def crash(content: Any, stream: Any) -> None:
        stream.write(b"half a checkpoint")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(file, model={"x": torch.zeros(1)})
    monkeypatch.undo()
    assert torch.equal(checkpoint.load(file)["model"]["x"], torch.ones(1))
    checkpoint.save(file, model={"x": torch.zeros(1)})
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("writing failed")])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(content: Any, stream: Any) -> None:
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OutputError, match=r"last\.pt cannot be written"):
        checkpoint.save(tmp_path / "last.pt", model={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"model": {}}, "not a checkpoint of scan-train"),
        ({"format": "something else", "format_version": 1}, "not a checkpoint of scan-train"),
        ({"format": CHECKPOINT_FORMAT, "format_version": 2}, "has checkpoint format 2"),
        ({"format": CHECKPOINT_FORMAT}, "has checkpoint format None"),
        ([1], "not a checkpoint"),
    ],
)
def test_another_file_is_refused(content: object, named: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ModelFileError, match=named):
        checkpoint.load(tmp_path / "x.pt")


def test_the_random_state_continues_the_draws(tmp_path: Path) -> None:
    torch.manual_seed(3)
    torch.rand(5)
    checkpoint.save(tmp_path / "x.pt", random=checkpoint.random_state())
    expected = torch.rand(4)
    torch.manual_seed(99)
    checkpoint.restore_random_state(checkpoint.load(tmp_path / "x.pt")["random"])
    assert torch.equal(torch.rand(4), expected)

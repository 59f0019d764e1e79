from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from models import weights
from models.support.errors import ModelFileError
from models.weights import resolve_model, sha256_file, shipped_names, shipped_weights

CONTENT = b"not really a model"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installation's default model, with its card."""
    folder = tmp_path / "weights" / "first"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(CONTENT)
    card = {"file": "model.onnx", "sha256": SHA256, "name": "first", "version": "1", "license": "research"}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setattr(weights, "WEIGHTS_DIR", folder.parent)
    monkeypatch.setattr(weights, "DEFAULT", "first")
    return folder


def refusal(path: Path | None = None) -> str:
    with pytest.raises(ModelFileError) as caught:
        resolve_model(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_shipped_weights_are_what_the_card_says(shipped: Path) -> None:
    found = shipped_weights()
    assert (found.path, found.sha256, found.card["name"]) == (shipped / "model.onnx", SHA256, "first")
    assert resolve_model(None) == (shipped / "model.onnx", SHA256)


def test_altered_weights_are_refused(shipped: Path) -> None:
    (shipped / "model.onnx").write_bytes(CONTENT + b"!")
    message = refusal()
    assert "altered" in message and SHA256[:12] in message and "install deepfake-scanner again" in message


def test_missing_weights_are_refused(shipped: Path) -> None:
    (shipped / "model.onnx").unlink()
    message = refusal()
    assert str(shipped / "model.onnx") in message and "missing" in message and "--model FILE" in message


@pytest.mark.parametrize(
    "card",
    [None, "", "{", "[]", "null", '"text"', "{}", '{"file": "model.onnx"}', '{"file": 3, "sha256": ""}'],
)
def test_a_card_that_cannot_be_used_is_refused(card: str | None, shipped: Path) -> None:
    (shipped / "card.json").unlink()
    if card is not None:
        (shipped / "card.json").write_text(card, encoding="utf-8")
    message = refusal()
    assert "card.json" in message and "--model FILE" in message


def test_a_named_model_needs_no_card(shipped: Path, tmp_path: Path) -> None:
    (shipped / "card.json").unlink()
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(b"mine")
    assert resolve_model(mine) == (mine, hashlib.sha256(b"mine").hexdigest())


def test_a_named_model_that_is_not_there(tmp_path: Path) -> None:
    message = refusal(tmp_path / "none.onnx")
    assert "none.onnx does not exist" in message and ".onnx" in message
    assert "is not a file" in refusal(tmp_path)


def test_a_model_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(b"mine")

    def refuse(path: Path, *args: Any, **options: Any) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    assert "mine.onnx cannot be read: Permission denied" in refusal(mine)


def test_hashes_are_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    assert sha256_file(tmp_path / "x") == hashlib.sha256(b"").hexdigest()


def test_the_weights_licence_is_part_of_the_package() -> None:
    assert (weights.WEIGHTS_DIR.parent / "WEIGHTS-LICENSE").is_file()


@pytest.fixture
def second(shipped: Path) -> Path:
    """Another shipped model, ``fast``."""
    folder = shipped.parent / "fast"
    folder.mkdir()
    (folder / "fast.onnx").write_bytes(b"fast")
    card = {
        "file": "fast.onnx",
        "sha256": hashlib.sha256(b"fast").hexdigest(),
        "name": "fast",
        "version": "1",
    }
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def test_other_shipped_weights_have_a_name(second: Path) -> None:
    assert shipped_names() == ["fast", "first"]
    assert resolve_model(Path("fast")) == (second / "fast.onnx", hashlib.sha256(b"fast").hexdigest())
    assert "or fast" in refusal(Path("fats"))
    (second / "fast.onnx").write_bytes(b"other")
    assert "altered" in refusal(Path("fast"))


def test_a_file_of_a_shipped_name_is_never_taken_for_it(
    second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fast").write_bytes(b"mine")
    assert "by its whole path" in refusal(Path("fast"))
    assert resolve_model(tmp_path / "fast")[0] == tmp_path / "fast"

"""The weights that ship with the project: where they are, and whether they are what they were."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.support.errors import ModelFileError

WEIGHTS_DIR = Path(__file__).parent / "weights"
"""A folder for each shipped model, of its name."""
DEFAULT = "faces-lite2"


@dataclass(frozen=True)
class ShippedWeights:
    """The shipped model file with its recorded hash and the figures of its card."""

    path: Path
    sha256: str
    card: dict[str, Any]


def shipped_names() -> list[str]:
    """What ``--model`` may name beside a file."""
    return sorted(card.parent.name for card in WEIGHTS_DIR.glob("*/card.json"))


def shipped_weights(name: str | None = None) -> ShippedWeights:
    """Those of a name, or the default, as their card says; nothing is read but the card.

    Raises :class:`ModelFileError` when the installation lacks them.
    """
    card_file = WEIGHTS_DIR / (name or DEFAULT) / "card.json"
    try:
        card = json.loads(card_file.read_text(encoding="utf-8"))
        path, sha256 = card_file.parent / card["file"], card["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"the shipped weights' card {card_file} cannot be read ({type(error).__name__}); "
            "install deepfake-scanner again or name a model with --model FILE"
        ) from None
    if not path.is_file():
        raise ModelFileError(
            f"the shipped weights {path} are missing; install deepfake-scanner again or name a model with --model FILE"
        )
    return ShippedWeights(path, sha256, card)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def resolve_model(model: Path | None) -> tuple[Path, str]:
    """The model to run and its SHA-256: a file, or shipped weights, by their name or as the default (``None``).

    A user's own copy of a shipped file is not special; only the shipped one has a hash to answer for.
    Raises :class:`ModelFileError`.
    """
    if model is None or str(model) in shipped_names():
        return _unaltered(None if model is None else str(model))
    if not model.is_file():
        what = "is not a file" if model.exists() else "does not exist"
        names = "".join(f", or {name}" for name in shipped_names())
        raise ModelFileError(f"model {model} {what}; name an exported .onnx file{names}")
    return model, _readable_sha256(model)


def _unaltered(name: str | None) -> tuple[Path, str]:
    if name is not None and Path(name).is_file():
        raise ModelFileError(
            f"model {name} is a file here and the name of shipped weights; name the file by its whole path"
        )
    shipped = shipped_weights(name)
    digest = _readable_sha256(shipped.path)
    if digest != shipped.sha256:
        raise ModelFileError(
            f"the shipped weights {shipped.path} have been altered (SHA-256 {digest[:12]}…, "
            f"the card says {shipped.sha256[:12]}…); install deepfake-scanner again"
        )
    return shipped.path, digest


def _readable_sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise ModelFileError(f"model {path} cannot be read: {error.strerror}") from None

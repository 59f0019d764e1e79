"""The weights that ship with the project: where they are, and whether they are what they were."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.support.errors import ModelFileError

WEIGHTS_DIR = Path(__file__).parent / "weights"
CARD_FILE = WEIGHTS_DIR / "card.json"


@dataclass(frozen=True)
class ShippedWeights:
    """The shipped model file with its recorded hash and the figures of its card."""

    path: Path
    sha256: str
    card: dict[str, Any]


def shipped_weights() -> ShippedWeights:
    """The shipped weights as the card names them; nothing is read but the card.

    Raises :class:`ModelFileError` when the installation lacks them.
    """
    try:
        card = json.loads(CARD_FILE.read_text(encoding="utf-8"))
        path, sha256 = WEIGHTS_DIR / card["file"], card["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"the shipped weights' card {CARD_FILE} cannot be read ({type(error).__name__}); "
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


def resolve_model(path: Path | None) -> tuple[Path, str]:
    """The model to run and its SHA-256: ``path``, or the shipped weights, which must be unaltered.

    A user's own copy of the shipped file is not special; only the shipped one has a hash to answer for.
    Raises :class:`ModelFileError`.
    """
    if path is None:
        shipped = shipped_weights()
        digest = _readable_sha256(shipped.path)
        if digest != shipped.sha256:
            raise ModelFileError(
                f"the shipped weights {shipped.path} have been altered (SHA-256 {digest[:12]}…, "
                f"the card says {shipped.sha256[:12]}…); install deepfake-scanner again"
            )
        return shipped.path, digest
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise ModelFileError(f"model {path} {what}; name an exported .onnx file")
    return path, _readable_sha256(path)


def _readable_sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise ModelFileError(f"model {path} cannot be read: {error.strerror}") from None

"""What is being exported: the tensors of a checkpoint, what its sigmoid means, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from models.checkpoints.format import BEST_OF_RUN, CHECKPOINT_FORMAT, CHECKPOINT_FORMAT_VERSION
from models.contract import DEFAULT_NETWORK, Label
from models.network import read_checkpoint, read_state_dict
from models.support.errors import ModelFileError
from models.weights import sha256_file


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that says, or whose user says, what its logit means."""

    file: Path
    name: str
    """A name for the model when the user gives none: the run's folder, else the file without its suffix."""
    sha256: str
    state: Mapping[str, Tensor]
    positive: Label
    training: Mapping[str, Any] | None
    """The run's own summary, ``None`` for a bare state_dict. NaN and infinity have become ``None``."""
    network: str | None = None
    """Name of the network that the checkpoint records; ``None`` where the tensors themselves must tell."""


def open_checkpoint(path: Path, positive: Label | None) -> Checkpoint:
    """Read ``path``: a checkpoint file, or a run's folder, which stands for its best checkpoint.

    ``positive`` is what the user says the checkpoint's sigmoid means. A bare state_dict does not say it
    itself, so it is refused without; a run's checkpoint does, so a contradiction is refused.

    Raises :class:`ModelFileError`.
    """
    file, name = path, path.stem
    if path.is_dir():
        file, name = path / BEST_OF_RUN, path.resolve().name
        if not file.is_file():
            raise ModelFileError(f"{path} is not a finished epoch's run folder: it holds no {BEST_OF_RUN}")
    if not file.is_file():
        raise ModelFileError(f"checkpoint {file} does not exist; name a file of weights or a run's folder")
    try:
        before = sha256_file(file)
    except OSError as error:
        raise ModelFileError(f"checkpoint {file} cannot be read: {error.strerror}") from None
    content = read_checkpoint(file)
    state = read_state_dict(file)
    if sha256_file(file) != before:
        raise ModelFileError(f"{file} changed while it was read; export again when its writer is done")
    training: Mapping[str, Any] | None = None
    network: str | None = None
    if content.get("format") == CHECKPOINT_FORMAT:
        positive, training = _run_facts(content, file, positive)
        network = str(content.get("network", DEFAULT_NETWORK))
    elif positive is None:
        raise ModelFileError(
            f"{file} is a bare state_dict and does not say whether its sigmoid is P(fake) or P(real); "
            "say it with --positive fake or --positive real (ImageFolder's order Fake, Real makes it real)"
        )
    return Checkpoint(file, name, before, state, positive, training, network)


def _run_facts(
    content: Mapping[str, object], file: Path, said: Label | None
) -> tuple[Label, Mapping[str, Any] | None]:
    version = content.get("format_version")
    if version != CHECKPOINT_FORMAT_VERSION:
        raise ModelFileError(
            f"{file} is a run's checkpoint of format {version}, this version reads {CHECKPOINT_FORMAT_VERSION}; "
            "export it with the version that trained it"
        )
    try:
        own = Label.from_name(str(content.get("positive")))
    except ValueError:
        raise ModelFileError(
            f"{file} is a run's checkpoint that does not say what its sigmoid means; train again or say it "
            "in a bare state_dict with --positive"
        ) from None
    if said is not None and said is not own:
        raise ModelFileError(
            f"{file} says that its sigmoid is P({own.name.lower()}), --positive says {said.name.lower()}; "
            "leave --positive out"
        )
    summary = content.get("summary")
    if summary is None:
        return own, None
    try:
        # JSON has no NaN: a figure that could not be computed is one that is not known.
        plain = json.loads(json.dumps(summary), parse_constant=lambda _: None)
    except (TypeError, ValueError):
        raise ModelFileError(f"{file}: its training summary holds more than JSON can") from None
    if not isinstance(plain, dict):
        raise ModelFileError(f"{file}: its training summary is no table of names and values")
    return own, plain

"""Checkpoints: written aside and renamed, so that a crash at any moment leaves a whole one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.checkpoints.format import CHECKPOINT_FORMAT, CHECKPOINT_FORMAT_VERSION
from models.network import read_checkpoint
from models.support.atomic import replacing
from models.support.errors import ModelFileError, OutputError


def save(path: Path, **content: Any) -> None:
    """Write a checkpoint: tensors and plain values only, so that it loads with ``weights_only=True``.

    Raises :class:`OutputError`; what ``path`` held before is then still there.
    """
    head = {"format": CHECKPOINT_FORMAT, "format_version": CHECKPOINT_FORMAT_VERSION, "positive": "fake"}
    with replacing(path) as aside, aside.open("wb") as stream:
        try:
            torch.save({**head, **content}, stream)
        # torch's zip writer, when the disk is full.
        except RuntimeError as error:
            raise OutputError(f"{path} cannot be written: {error}") from None


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of this tool; :class:`ModelFileError` if it is missing or something else."""
    content: dict[str, Any] = read_checkpoint(path)
    if content.get("format") != CHECKPOINT_FORMAT:
        raise ModelFileError(f"{path} is not a checkpoint of scan-train")
    if content.get("format_version") != CHECKPOINT_FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has checkpoint format {content.get('format_version')}, "
            f"this version reads {CHECKPOINT_FORMAT_VERSION}"
        )
    return content


def plain_weights(network: nn.Module) -> dict[str, Tensor]:
    """The state dict as :func:`save` takes it: on the CPU, without gradients."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}


def random_state() -> dict[str, Any]:
    """The state of torch's generators, which dropout and stochastic depth draw from."""
    state: dict[str, Any] = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])

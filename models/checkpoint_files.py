"""Tensors out of ``.pt`` and ``.pth`` files, which cannot run code here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.errors import ModelFileError


def read_state_dict(file: Path) -> dict[str, Tensor]:
    """The network's tensors in a ``.pth``/``.pt``: a bare state_dict or a run's checkpoint.

    Read with ``weights_only=True``: a checkpoint cannot run code. Raises :class:`ModelFileError`.
    """
    loaded = read_checkpoint(file)
    state = loaded.get("model", loaded)
    if not isinstance(state, Mapping) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelFileError(f"{file} holds no state_dict of a network")
    return {str(k): v for k, v in state.items()}


def read_checkpoint(file: Path) -> dict[str, object]:
    """Everything in a ``.pth``/``.pt``. Raises :class:`ModelFileError` when it is missing or not one."""
    if not file.is_file():
        raise ModelFileError(f"checkpoint {file} does not exist")
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises whatever the zip, the pickle or the tensors raise
        raise ModelFileError(f"{file} is not a readable torch checkpoint ({type(error).__name__})") from None
    if not isinstance(loaded, dict):
        raise ModelFileError(f"{file} holds a {type(loaded).__name__}, not a checkpoint")
    return loaded

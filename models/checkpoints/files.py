"""What a file of weights holds, as it stands there: torch's formats and safetensors, and never any code.

torch's own are read with ``weights_only=True``.
"""

from __future__ import annotations

import argparse
import contextlib
import pickle
import re
import warnings
from pathlib import Path

import torch

from models.support.errors import ModelFileError

_GLOBAL = re.compile(r"(?:GLOBAL|class) ([\w.]+)")
_WHOLE_NETWORK = re.compile(r"torch\.nn\.|(^|\.)models?\.|\b\w*(Net|Model|Module)\b")
_OTHERS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras writes them",
    b"\x93NUMPY": "a NumPy array",
    b"GGUF": "a GGUF file",
}


def read_weights(file: Path) -> object:
    """The content of a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors``, on the CPU.

    Raises :class:`ModelFileError` when it is missing, damaged, of another kind, or needs code to be read.
    """
    if not file.is_file():
        raise ModelFileError(f"checkpoint {file} does not exist")
    try:
        with file.open("rb") as stream:
            head = stream.read(9)
    except OSError as error:
        raise ModelFileError(f"checkpoint {file} cannot be read: {error.strerror}") from None
    for signature, kind in _OTHERS.items():
        if head.startswith(signature):
            raise ModelFileError(f"{file} is {kind}, not a torch checkpoint")
    # Behind the length of the header its JSON begins; a zip file begins with PK, a pickle with its protocol.
    if file.suffix.lower() == ".safetensors" or (head[8:] == b"{" and head[:1] not in (b"P", b"\x80")):
        return _safetensors(file)
    return _torch(file)


def _safetensors(file: Path) -> object:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise ModelFileError(
            f'{file} is a safetensors file; to read it, pip install "deepfake-scanner[safetensors]"'
        ) from None
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(f"{file} is not a readable safetensors file ({error})") from None


def _torch(file: Path) -> object:
    try:
        # A table of plain values in which timm and others keep their options; making one runs nothing.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of here is refused below
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if needed := _needed_code(file, error):
            raise ModelFileError(_refusal(file, needed)) from None
        raise ModelFileError(f"{file} is not a readable torch checkpoint ({type(error).__name__})") from None
    except Exception as error:  # noqa: BLE001 - torch raises whatever the zip, the pickle or the tensors raise
        if "TorchScript" in str(error):
            raise ModelFileError(
                f"{file} is a TorchScript archive, a program with its weights; save the weights alone: "
                f'torch.save(torch.jit.load("{file.name}").state_dict(), "weights.pth")'
            ) from None
        raise ModelFileError(f"{file} is not a readable torch checkpoint ({type(error).__name__})") from None


def _needed_code(file: Path, error: pickle.UnpicklingError) -> list[str]:
    """The classes and functions that the pickle names and that are neither tensors nor plain values."""
    found: list[str] = []
    with contextlib.suppress(Exception):  # an older format, or damage behind the first of them
        found = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(file))
    found = [name for name in found if name != "argparse.Namespace"]
    return found or _GLOBAL.findall(str(error))[:1]


def _refusal(file: Path, needed: list[str]) -> str:
    named = ", ".join(needed[:3]) + (f" and {len(needed) - 3} more" if len(needed) > 3 else "")
    if any(_WHOLE_NETWORK.search(name) for name in needed):
        what = "a whole network"
        how = 'torch.save(network.state_dict(), "weights.pth")'
    else:
        what = "more than tensors and plain values"
        how = 'torch.save(checkpoint["state_dict"], "weights.pth") (or whatever key the tensors have)'
    return (
        f"{file} is not a readable torch checkpoint without running code: it holds {what} ({named}), and no code "
        f"of a checkpoint is run here; where you trust the file and have its program, load it with "
        f"weights_only=False and save the tensors alone: {how}"
    )

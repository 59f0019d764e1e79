"""Which device trains; what was asked for is what is used."""

from __future__ import annotations

import torch

from models.support.errors import Failure


class TrainingDeviceError(Failure):
    """The device that was asked for cannot be used."""


def choose_device(name: str) -> torch.device:
    """``auto`` (CUDA if there is one), ``cpu`` or ``cuda[:N]``; raises :class:`TrainingDeviceError`."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if name == "cuda" or (name.startswith("cuda:") and name[5:].isdigit()):
        device = torch.device(name)
        if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
            raise TrainingDeviceError(
                f"--device {name}: torch sees {torch.cuda.device_count()} CUDA devices; check nvidia-smi and "
                "the driver, or train with --device cpu"
            )
        return device
    raise TrainingDeviceError(f"--device {name}: not auto, cpu, cuda or cuda:N")


def spare_threads(cores: int) -> None:
    """No more threads for a CPU's arithmetic than cores: torch does not see the quota of a container."""
    if torch.get_num_threads() > cores:
        torch.set_num_threads(cores)

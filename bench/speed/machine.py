"""What the figures belong to."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

from models.support.machine import usable_cores
from scanner import Detector

PACKAGES = (
    "torch",
    "torchvision",
    "onnxruntime-gpu",
    "onnxruntime",
    "pillow",
    "numpy",
    "timm",
    "transformers",
)


def machine(detector: Detector) -> dict[str, Any]:
    """Processor, versions, the model and how busy the machine was before anything began."""
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "gpu": torch.cuda.get_device_name(detector.device) if detector.on_gpu else None,
        "device": detector.device,
        "provider": detector.provider,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name)) is not None},
        "torch_threads": torch.get_num_threads(),
        "model": detector.path.name,
        "model_sha256": detector.sha256,
        "load_before": os.getloadavg()[0],
    }


def cpu_model() -> str:
    """As the kernel names it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None

"""What TensorRT is told, and where its engines are kept.

An engine takes minutes to build and fits one model on one kind of GPU under one set of versions, so it is kept under
a key of all of them; onnxruntime adds TensorRT's own version and the GPU's architecture to the file name.
"""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from models.support.onnx_runtime import load_onnxruntime

TENSORRT = "TensorrtExecutionProvider"
_DRIVER = Path("/proc/driver/nvidia")
_KEY_DIGITS = 16


def tensorrt_options(index: int, model_sha256: str, precision: str) -> dict[str, Any]:
    """Of the execution provider; makes the folder of the engines. ``precision`` is the model's own.

    An fp32 model is computed in fp32: TensorRT takes a lower precision only when told to.
    """
    cache = engine_cache(model_sha256)
    cache.mkdir(parents=True, exist_ok=True)
    return {
        "device_id": index,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(cache),
        "trt_fp16_enable": precision == "fp16",
        "trt_int8_enable": precision == "int8",
    }


def engine_cache(model_sha256: str) -> Path:
    """``$XDG_CACHE_HOME/deepfake-scanner/tensorrt/KEY``."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parts = [model_sha256, str(load_onnxruntime().__version__), tensorrt_version(), *_gpus()]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_KEY_DIGITS]
    return root / "deepfake-scanner" / "tensorrt" / key


def tensorrt_version() -> str:
    """Of the Python package that holds it, with that package's name."""
    for name in ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return "tensorrt of the system"


def _gpus() -> list[str]:
    """The driver and the models of all GPUs, as the driver tells them (Linux; elsewhere nothing)."""
    try:
        found = [(_DRIVER / "version").read_text(encoding="utf-8").splitlines()[0]]
        for information in sorted(_DRIVER.glob("gpus/*/information")):
            found += information.read_text(encoding="utf-8").splitlines()[:1]
    except (OSError, IndexError):
        return []
    return found

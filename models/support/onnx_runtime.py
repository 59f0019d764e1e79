"""onnxruntime, imported so that it sends nothing anywhere.

From 1.29 on, official builds for Linux and macOS report the process and its models to Microsoft, and keep a device
identifier in the user's cache folder. A forensic tool promises that what it looks at stays where it is.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

OPT_OUT = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")
"""Environment variables; the second is what some builds call it. Read once, when the library is loaded:
https://github.com/microsoft/onnxruntime/pull/27379 and pull/29843."""


def load_onnxruntime(submodule: str = "") -> ModuleType:
    """``onnxruntime``, or with ``submodule`` ``onnxruntime.SUBMODULE``. Every import of it goes through here."""
    for name in OPT_OUT:
        os.environ[name] = "1"
    onnxruntime = importlib.import_module("onnxruntime")
    # For a program that had imported it before.
    onnxruntime.disable_telemetry_events()
    return importlib.import_module(f"onnxruntime.{submodule}") if submodule else onnxruntime

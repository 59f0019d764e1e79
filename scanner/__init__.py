"""Batch forensic scanning of images for deepfakes.

::

    from scanner import Detector, scan_paths

    detector = Detector.load()
    for result in scan_paths(["./folder"], detector):
        print(result.path, result.status, result.prob_fake)

Names load on first use (PEP 562), so that ``scan --help`` pays for Click alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.errors import ExitCode as ExitCode
    from models.errors import Failure as Failure
    from models.errors import ModelFileError as ModelFileError
    from scanner.decoding import Limits as Limits
    from scanner.inference.detector import Detector as Detector
    from scanner.inference.detector import Scores as Scores
    from scanner.inference.errors import DeviceError as DeviceError
    from scanner.names import decode_path as decode_path
    from scanner.names import encode_path as encode_path
    from scanner.pipeline import scan_candidates as scan_candidates
    from scanner.pipeline import scan_files as scan_files
    from scanner.pipeline import scan_paths as scan_paths
    from scanner.policy import Policy as Policy
    from scanner.policy import Verdict as Verdict
    from scanner.results import ErrorCode as ErrorCode
    from scanner.results import FileResult as FileResult
    from scanner.results import Finding as Finding
    from scanner.results import Region as Region
    from scanner.results import Status as Status
    from scanner.sources import Selection as Selection

_HOME = {
    "Detector": "scanner.inference.detector",
    "DeviceError": "scanner.inference.errors",
    "ErrorCode": "scanner.results",
    "ExitCode": "models.errors",
    "Failure": "models.errors",
    "FileResult": "scanner.results",
    "Finding": "scanner.results",
    "Limits": "scanner.decoding",
    "ModelFileError": "models.errors",
    "Policy": "scanner.policy",
    "Region": "scanner.results",
    "Scores": "scanner.inference.detector",
    "Selection": "scanner.sources",
    "Status": "scanner.results",
    "Verdict": "scanner.policy",
    "decode_path": "scanner.names",
    "encode_path": "scanner.names",
    "scan_candidates": "scanner.pipeline",
    "scan_files": "scanner.pipeline",
    "scan_paths": "scanner.pipeline",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scanner' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

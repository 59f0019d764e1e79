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
    from models.faces.rules import FaceRules as FaceRules
    from models.faces.rules import NoFace as NoFace
    from models.support.errors import ExitCode as ExitCode
    from models.support.errors import Failure as Failure
    from models.support.errors import ModelFileError as ModelFileError
    from scanner.api import scan_candidates as scan_candidates
    from scanner.api import scan_files as scan_files
    from scanner.api import scan_paths as scan_paths
    from scanner.inference.detector import Detector as Detector
    from scanner.inference.detector import Scores as Scores
    from scanner.inference.errors import DeviceError as DeviceError
    from scanner.judgement.policy import Policy as Policy
    from scanner.judgement.policy import Verdict as Verdict
    from scanner.media import Limits as Limits
    from scanner.results import ErrorCode as ErrorCode
    from scanner.results import FileResult as FileResult
    from scanner.results import Finding as Finding
    from scanner.results import Region as Region
    from scanner.results import Status as Status
    from scanner.results import UnscoredFace as UnscoredFace
    from scanner.results.names import decode_path as decode_path
    from scanner.results.names import encode_path as encode_path
    from scanner.results.sampling import Sampling as Sampling
    from scanner.sources import Selection as Selection

_HOME = {
    "Detector": "scanner.inference.detector",
    "DeviceError": "scanner.inference.errors",
    "ErrorCode": "scanner.results",
    "ExitCode": "models.support.errors",
    "FaceRules": "models.faces.rules",
    "Failure": "models.support.errors",
    "FileResult": "scanner.results",
    "Finding": "scanner.results",
    "Limits": "scanner.media",
    "ModelFileError": "models.support.errors",
    "NoFace": "models.faces.rules",
    "Policy": "scanner.judgement.policy",
    "Region": "scanner.results",
    "Sampling": "scanner.results.sampling",
    "Scores": "scanner.inference.detector",
    "Selection": "scanner.sources",
    "Status": "scanner.results",
    "UnscoredFace": "scanner.results",
    "Verdict": "scanner.judgement.policy",
    "decode_path": "scanner.results.names",
    "encode_path": "scanner.results.names",
    "scan_candidates": "scanner.api",
    "scan_files": "scanner.api",
    "scan_paths": "scanner.api",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scanner' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

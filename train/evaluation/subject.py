"""What was evaluated on what: the head of every report. Names, not paths, since reports travel."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner import Detector

_LIBRARIES = ("deepfake-scanner", "numpy", "scikit-learn", "pillow", "onnxruntime-gpu", "onnxruntime")


@dataclass(frozen=True)
class Subject:
    """A model and a split."""

    model_file: str
    model_sha256: str
    model_name: str
    model_version: str
    calibrated: bool
    data: str
    """Name of the data's folder."""
    split: str
    manifest: str | None
    device: str
    provider: str

    @property
    def title(self) -> str:
        """One line for tables and plots."""
        return f"{self.model_name} {self.model_version} on {self.data}, {self.split}"


def describe(detector: Detector, data: Path, split: str, manifest: Path | None) -> Subject:
    """The head of a report about this model on this split."""
    return Subject(
        model_file=as_text(detector.path.name),
        model_sha256=detector.sha256,
        model_name=detector.metadata.name,
        model_version=detector.metadata.version,
        calibrated=detector.metadata.calibrated,
        data=as_text(data.resolve().name),
        split=split,
        manifest=as_text(manifest.name) if manifest is not None else None,
        device=detector.device,
        provider=detector.provider,
    )


def as_text(name: str) -> str:
    """A name as valid Unicode: a byte that was not UTF-8 becomes ``\\xHH``, as in a report's paths."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def versions() -> dict[str, str]:
    """Python and the libraries that are installed; exactly one of the two onnxruntime distributions is."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found

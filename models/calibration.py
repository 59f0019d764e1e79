"""What a calibration says, and the file that carries it from a run to an export.

``calibration.json`` belongs to one checkpoint, by its SHA-256, and holds a calibration for each way of storing the
weights: rounding them to fp16 moves the scores, so their thresholds are chosen on the rounded weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from models.contract import ModelMetadata, Threshold
from models.support.errors import ModelFileError

FORMAT = "deepfake-scanner calibration"
FORMAT_VERSION = 1
FILE_NAME = "calibration.json"


@dataclass(frozen=True)
class Band:
    """The beginning of the inconclusive band, and how sure it is that few fakes lie below it and are called real."""

    low: float
    missed: float
    """At most this share of fakes like those of the calibrate role lies below ``low``, with :attr:`confidence`."""
    confidence: float
    below: int
    """How many did of :attr:`fakes`, in the condition where the most did."""
    fakes: int
    under: str
    """That condition."""


@dataclass(frozen=True)
class Calibration:
    """What the calibrate role says about a model's logits."""

    temperature: float
    prior: float
    """Share of fakes in the calibrate role: the one for which the probabilities hold."""
    thresholds: dict[str, Threshold]
    """``fpr1``, ``fpr5`` and ``default``."""
    inconclusive_low: float
    real: int
    """Images of the calibrate role; ``fake`` likewise."""
    fake: int
    log_loss_before: float
    """Mean log-loss (nats) at temperature 1; ``log_loss_after`` at the fitted one."""
    log_loss_after: float
    thresholds_by_faces: dict[str, list[float]] | None = None
    """Of a model of faces, as in its metadata; files of before have none."""
    band: Band | None = None
    """What ``inconclusive_low`` promises; files of before promise nothing."""

    def as_config(self) -> dict[str, Any]:
        """Plain values for ``calibration.json``."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Calibration:
        """The inverse of :meth:`as_config`."""
        thresholds = {name: Threshold(**values) for name, values in config["thresholds"].items()}
        band = Band(**config["band"]) if config.get("band") is not None else None
        return cls(**{**config, "thresholds": thresholds, "band": band})

    def applied_to(self, metadata: ModelMetadata) -> ModelMetadata:
        """The metadata of a calibrated model."""
        return replace(
            metadata,
            temperature=self.temperature,
            calibrated=True,
            calibration_prior=self.prior,
            thresholds=self.thresholds,
            inconclusive_low=self.inconclusive_low,
            thresholds_by_faces=self.thresholds_by_faces,
            inconclusive_band=None if self.band is None else asdict(self.band),
        )


@dataclass(frozen=True)
class CalibrationFile:
    """The content of ``calibration.json``."""

    checkpoint_sha256: str
    by_store: dict[str, Calibration]
    """``fp32`` and ``fp16``."""

    def to_json(self) -> str:
        """The file's text."""
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "checkpoint_sha256": self.checkpoint_sha256,
            "by_store": {store: one.as_config() for store, one in self.by_store.items()},
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, file: Path) -> CalibrationFile:
        """Raises :class:`ModelFileError` when the file is missing or something else."""
        remedy = "scan-train writes it at the end of a run"
        try:
            content = json.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise ModelFileError(
                f"calibration {file} cannot be read ({type(error).__name__}); {remedy}"
            ) from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ModelFileError(f"{file} is not a calibration; {remedy}")
        if content.get("format_version") != FORMAT_VERSION:
            raise ModelFileError(
                f"{file} has calibration format {content.get('format_version')}, this version reads {FORMAT_VERSION}"
            )
        try:
            by_store = {store: Calibration.from_config(one) for store, one in content["by_store"].items()}
            return cls(content["checkpoint_sha256"], by_store)
        except (KeyError, TypeError, AttributeError):
            raise ModelFileError(f"{file} is a damaged calibration; {remedy}") from None

"""Which calibration goes with a checkpoint, if any."""

from __future__ import annotations

from pathlib import Path

from export.checkpoint import Checkpoint
from models.calibration import FILE_NAME, Calibration, CalibrationFile
from models.storage import Store
from models.support.errors import ModelFileError


def find_calibration(exported: Path) -> Path | None:
    """The calibration that a run's folder brings along; a checkpoint file brings none."""
    beside = exported / FILE_NAME
    return beside if exported.is_dir() and beside.is_file() else None


def calibration_for(file: Path, checkpoint: Checkpoint, store: Store) -> Calibration:
    """The calibration of ``file`` for this checkpoint and storage.

    Raises :class:`ModelFileError` when it was made for other weights: their thresholds would mean nothing.
    """
    content = CalibrationFile.read(file)
    if content.checkpoint_sha256 != checkpoint.sha256:
        raise ModelFileError(
            f"{file} calibrates the checkpoint {content.checkpoint_sha256[:12]}…, {checkpoint.file} is "
            f"{checkpoint.sha256[:12]}…; export the checkpoint that it belongs to, or use --no-calibration"
        )
    if store.value not in content.by_store:
        raise ModelFileError(
            f"{file} has no calibration for --store {store.value}, only for {', '.join(sorted(content.by_store))}"
        )
    return content.by_store[store.value]

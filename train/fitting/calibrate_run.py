"""The end of a run: the best checkpoint's scores on the calibrate role become ``calibration.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from models.calibration import Calibration, CalibrationFile
from models.contract import Label
from models.storage import Store, stored_state
from models.support.errors import ModelFileError
from models.weights import sha256_file
from train.augmentation.on_the_way import ON_THE_WAY
from train.datasets.loader import WholeView
from train.datasets.tree import LabelledImage
from train.fitting import checkpoint
from train.fitting.loop import Trainer
from train.fitting.temperature import calibrate
from train.run_folder import RunFolder

MIN_IMAGES = 20
"""Of each class. With fewer real images not even one of them may be flagged at 5 %."""


def why_not(images: Sequence[LabelledImage]) -> str | None:
    """Why this calibrate role is too small to calibrate on; ``None`` if it is not."""
    counts = Counter(image.label for image in images)
    small = [f"{counts[label]} {label.title}" for label in Label if counts[label] < MIN_IMAGES]
    return (
        f"the calibrate role has only {' and '.join(small)} images, fewer than {MIN_IMAGES}"
        if small
        else None
    )


def is_calibrated(folder: RunFolder) -> bool:
    """Whether the run's calibration belongs to its best checkpoint."""
    try:
        return CalibrationFile.read(folder.calibration).checkpoint_sha256 == sha256_file(folder.best)
    except (ModelFileError, OSError):
        return False


def calibrate_best(trainer: Trainer, images: Sequence[LabelledImage], *, data: str) -> CalibrationFile:
    """Calibrate ``best.pt`` for each way of storing its weights and write ``calibration.json``.

    The trainer's network holds other weights afterwards: the run must be over. ``data`` names the data.
    """
    folder = trainer.folder
    digest = sha256_file(folder.best)
    best = checkpoint.load(folder.best)["model"]
    sources = [image.source for image in images]
    by_store: dict[str, Calibration] = {}
    for store in Store:
        trainer.load_weights(stored_state(best, store, where=str(folder.best)))
        labels, logits = trainer.predict(images, exact=True)
        degraded = {
            name: trainer.predict(images, exact=True, view=WholeView(condition=condition))[1]
            for name, condition in ON_THE_WAY.items()
        }
        by_store[store.value] = calibrate(
            labels,
            logits,
            sources,
            data=f"{data}, calibrate role",
            faces=trainer.recipe.margin is not None,
            degraded=degraded,
        )
    content = CalibrationFile(digest, by_store)
    folder.write_calibration(content)
    return content

"""Where a run stands, how it ended, and what an epoch becomes in the run's table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from train.datasets.loader import Batch
from train.fitting.select_curve import SourceRow
from train.recipes import Phase
from train.run_folder import EpochRow


@dataclass
class Position:
    """The next step to take."""

    phase: int = 0
    epoch: int = 0
    """Within the phase."""
    step: int = 0
    """Within the epoch."""
    epochs_done: int = 0
    """Through all phases; numbers the epochs' random draws."""
    loss_sum: float = 0.0
    """Of the images seen in this epoch."""
    images: int = 0
    seconds: float = 0.0
    """Spent in this epoch, over all interruptions."""
    waited: float = 0.0
    """Of these, waiting for the loader."""
    making: float = 0.0
    """What the loader's workers, or without them the loop, spent on making this epoch's images, summed."""
    made: int = 0
    """How many images they made."""

    def add(self, batch: Batch, loss: float, waited: float) -> None:
        """A step was taken, for whose ``batch`` the loop had ``waited`` so many seconds."""
        self.step += 1
        self.images += len(batch.labels)
        self.waited += max(0.0, waited - batch.embedding)
        self.making += batch.seconds
        self.made += batch.made
        self.loss_sum += loss * len(batch.labels)

    def next_epoch(self) -> Position:
        return Position(phase=self.phase, epoch=self.epoch + 1, epochs_done=self.epochs_done + 1)


@dataclass
class Outcome:
    """How a call of :meth:`train.fitting.loop.Trainer.run` ended."""

    finished: bool
    epochs_done: int
    best_auc: float | None


def sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """As torch computes it."""
    probabilities: npt.NDArray[np.float64] = torch.sigmoid(torch.from_numpy(logits)).numpy()
    return probabilities


def epoch_row(
    at: Position,
    phase: Phase,
    lr: float,
    judged: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
    sources: list[SourceRow],
    *,
    workers: int,
) -> EpochRow:
    """The line of the epoch whose last step is taken. ``judged``: labels and logits of the select role."""
    from sklearn.metrics import log_loss, roc_auc_score

    labels, logits = judged
    return EpochRow(
        epoch=at.epochs_done + 1,
        phase=phase.name,
        size=phase.size,
        lr=lr,
        train_loss=at.loss_sum / at.images,
        select_loss=float(log_loss(labels, sigmoid(logits), labels=[0, 1])),
        select_auc=float(roc_auc_score(labels, logits)),
        images=at.images,
        images_per_second=at.images / max(at.seconds, 1e-9),
        model_images_per_second=at.images / max(at.seconds - at.waited, 1e-9),
        loader_images_per_second=at.made * max(1, workers) / at.making if at.made else None,
        sources=sources,
    )

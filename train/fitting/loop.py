"""The training loop: phases, epochs, steps, with a checkpoint that can continue inside an epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.backbones.backbone import Network
from models.support.errors import Failure, ModelFileError
from train.datasets.decoded_store import Pictures
from train.datasets.loader import AS_THEY_ARE, Batch, EpochPlan, WholeView, whole_batches
from train.datasets.sampling import epoch_order
from train.datasets.tree import LabelledImage
from train.fitting import checkpoint, freezing
from train.fitting.ema import averaged
from train.fitting.feeding import Feed, timed
from train.fitting.forward import Forward
from train.fitting.optimizers import learning_rate, new_optimizer
from train.fitting.position import Outcome, Position, epoch_row, sigmoid
from train.fitting.select_curve import source_rows
from train.recipes import Phase, Recipe
from train.run_folder import EpochRow, RunFolder

Predicted = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Labels ``int64[N]`` and logits ``float64[N]``."""

EVALUATION_BATCH = {"cpu": 8, "cuda": 128}


class TrainingError(Failure):
    """Training cannot go on as it was set up."""


class Progress(Protocol):
    """Told about each training step; see :mod:`train.progress`."""

    def epoch(self, phase: str, epoch: int, epochs: int, steps: int, done: int) -> None: ...
    def step(self, images: int, loss: float) -> None: ...
    def row(self, row: EpochRow) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class Trainer:
    """Trains ``network`` by ``recipe`` on ``fit``, judges each epoch on ``select``, writes into ``folder``."""

    network: Network
    recipe: Recipe
    fit: Sequence[LabelledImage]
    select: Sequence[LabelledImage]
    folder: RunFolder
    device: torch.device
    seed: int
    summary: dict[str, Any]
    """Goes into every checkpoint, and from there into an exported model's metadata."""
    progress: Progress
    should_stop: Callable[[], bool]
    """Asked after each step; True means: save and return."""
    workers: int = 0
    pictures: Pictures = field(default_factory=lambda: Pictures(0))
    """Where the images come from; what it does not hold is read from the files."""
    checkpoint_seconds: float = 600.0
    position: Position = field(default_factory=Position)
    rows: list[EpochRow] = field(default_factory=list)
    _optimizer: torch.optim.Optimizer | None = None
    _last_saved: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        compiled = self.recipe.compile and self.device.type == "cuda"
        self._forward = Forward(
            self.network, self.device, compiled_batch=self.recipe.batch_size if compiled else None
        )
        self._feed = Feed(self._forward, self.pictures, self.workers, self.progress.note)
        self._loss = nn.BCEWithLogitsLoss()
        self._average = averaged(self.network, self.recipe.ema) if self.recipe.ema is not None else None

    @property
    def _judged(self) -> nn.Module:
        """What epochs are judged by and kept: the average, if the recipe has one."""
        return self.network if self._average is None else self._average.module

    @property
    def best_auc(self) -> float | None:
        """The best AUC on the select role so far."""
        return max((row.select_auc for row in self.rows), default=None)

    def resume(self, state: dict[str, Any]) -> None:
        """Continue from the content of ``last.pt``: network, optimiser, position, random state, history.

        Raises :class:`ModelFileError` for another kind of checkpoint, such as a run's ``best.pt``.
        """
        if lacking := {"model", "optimizer", "position", "rows", "random"} - state.keys():
            raise ModelFileError(
                f"{self.folder.last} is not a checkpoint that a run can continue from: it has no "
                f"{', '.join(sorted(lacking))}"
            )
        self.network.load_state_dict(state["model"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self.position = Position(**state["position"])
        self.rows = [EpochRow.from_plain(row) for row in state["rows"]]
        if state["optimizer"] is not None:
            phase = self.recipe.phases[self.position.phase]
            self._optimizer = new_optimizer(self.network, self.recipe, phase)
            self._optimizer.load_state_dict(state["optimizer"])
        checkpoint.restore_random_state(state["random"])

    def load_weights(self, state: dict[str, Tensor]) -> None:
        """Put other weights into the network that :meth:`predict` uses; the run must be over."""
        self._judged.load_state_dict(state)

    def run(self) -> Outcome:
        """Train until the recipe is done or ``should_stop`` says so; either way a checkpoint is left.

        Raises :class:`TrainingError` when the loss is no longer a number; the last checkpoint is then from before.
        """
        if not self.folder.last.is_file():
            self._save()  # from here on the run can be resumed, whatever happens to it
        self._catch_up()
        going_on = True
        while going_on and (phase := self._phase()) is not None:
            going_on = self._epoch(phase)
        finished = self._phase() is None
        self._save()
        return Outcome(finished, self.position.epochs_done, self.best_auc)

    def _phase(self) -> Phase | None:
        """The phase of the next step; moves on from a phase whose epochs are done."""
        at = self.position
        while at.phase < len(self.recipe.phases):
            phase = self.recipe.phases[at.phase]
            if at.epoch < phase.epochs:
                return phase
            at.phase, at.epoch, self._optimizer = at.phase + 1, 0, None
        return None

    def _catch_up(self) -> None:
        """Write what a crash may have kept from being written after an epoch's end: see :meth:`_end_epoch`."""
        if not self.rows:
            return
        self.folder.write_metrics(self.rows)
        if self.position.step == 0 and self._last_is_best() and self._epoch_of_best() != self.rows[-1].epoch:
            self._write_best(self.predict_select())

    def _epoch(self, phase: Phase) -> bool:
        """Train to the epoch's end; ``False`` when ``should_stop`` said so on the way or at its end."""
        at = self.position
        order = epoch_order(self.fit, self.recipe, seed=self.seed, epoch=at.epochs_done)
        plan = EpochPlan(self.fit, order, self.recipe, phase, self.seed, at.epochs_done)
        steps = math.ceil(len(order) / self.recipe.batch_size)
        if self._optimizer is None:
            self._optimizer = new_optimizer(self.network, self.recipe, phase)
        freezing.prepare(self.network, phase)
        freezing.set_modes(self.network, phase)
        self.progress.epoch(phase.name, at.epoch + 1, phase.epochs, steps, at.step)
        stopwatch = time.monotonic()
        for batch, waited in timed(self._feed.batches(plan, at.step)):
            loss = self._step(batch, self._learning_rate(phase, steps, at.step))
            at.add(batch, loss, waited)
            self.progress.step(len(batch.labels), loss)
            now = time.monotonic()
            stop = self.should_stop()
            if stop or now - self._last_saved >= self.checkpoint_seconds:
                at.seconds += now - stopwatch
                stopwatch = now
                if stop and at.step < steps:
                    return False
                self._save()
        at.seconds += time.monotonic() - stopwatch
        # Not the loop's last rate: a run resumed between the last step and here takes no step.
        self._end_epoch(phase, self._learning_rate(phase, steps, steps - 1))
        return not self.should_stop()

    def _learning_rate(self, phase: Phase, steps: int, step: int) -> float:
        return learning_rate(self.recipe, phase, self.position.epoch * steps + step, phase.epochs * steps)

    def _step(self, batch: Batch, lr: float) -> float:
        assert self._optimizer is not None
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        logits = self._forward.logits(batch.inputs, self._feed.start)
        smoothing = self.recipe.label_smoothing
        targets = batch.labels.to(self.device) * (1 - smoothing) + 0.5 * smoothing
        loss = self._loss(logits, targets)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss.item()} at step {self.position.step + 1} of epoch "
                f"{self.position.epochs_done + 1}: train again with a lower learning rate, or from other weights"
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.recipe.grad_clip is not None:
            trained = [p for p in self.network.parameters() if p.requires_grad]
            nn.utils.clip_grad_norm_(trained, self.recipe.grad_clip)
        self._optimizer.step()
        if self._average is not None:
            self._average.update_parameters(self.network)
        return float(loss.item())

    def predict(
        self, images: Sequence[LabelledImage], *, exact: bool = False, view: WholeView = AS_THEY_ARE
    ) -> Predicted:
        """Of the whole images, in eval mode.

        ``exact``: in fp32, as an exported file computes, and not in bfloat16 on CUDA.
        Raises :class:`TrainingError` when a logit is not a number.
        """
        network = self._judged
        network.eval()
        labels, logits = [], []
        batches = whole_batches(
            images,
            self.pictures,
            batch_size=EVALUATION_BATCH[self.device.type],
            workers=self.workers,
            view=view,
            margin=self.recipe.margin,
        )
        for batch in batches:
            found = self._forward.judged(network, batch.inputs, exact=exact)
            logits.append(found.double().numpy())
            labels.append(batch.labels.numpy().astype(np.int64))
        scores = np.concatenate(logits)
        if not np.isfinite(scores).all():
            raise TrainingError(
                f"after epoch {self.position.epochs_done + 1} the network's output is not a number: train again "
                "with a lower learning rate, or from other weights"
            )
        return np.concatenate(labels), scores

    def predict_select(self) -> Predicted:
        """:meth:`predict` of the select role, in the view in which epochs are judged."""
        return self.predict(self.select, view=WholeView(degraded=self.recipe.select_degraded))

    def _end_epoch(self, phase: Phase, lr: float) -> None:
        """Judge the epoch and write it down.

        ``last.pt`` goes first, because all else can be made again from it: after a crash in between, a resumed
        run does that (:meth:`_catch_up`). ``best.pt`` goes last, because its epoch says that its scores are there.
        """
        at = self.position
        labels, logits = self.predict_select()
        sources = source_rows(self.select, labels, logits)
        row = epoch_row(at, phase, lr, (labels, logits), sources, workers=self.workers)
        self.rows.append(row)
        self.position = at.next_epoch()
        self._save()
        self.folder.write_metrics(self.rows)
        if self._last_is_best():
            self._write_best((labels, logits))
        self.progress.row(row)

    def _last_is_best(self) -> bool:
        return all(row.select_auc < self.rows[-1].select_auc for row in self.rows[:-1])

    def _epoch_of_best(self) -> object:
        try:
            return checkpoint.load(self.folder.best)["summary"]["epoch"]
        except (ModelFileError, KeyError):
            return None

    def _write_best(self, predicted: Predicted) -> None:
        row = self.rows[-1]
        summary = {**self.summary, "epoch": row.epoch, "select_auc": row.select_auc}
        self.write_best(checkpoint.plain_weights(self._judged), summary, predicted)

    def write_best(self, weights: dict[str, Any], summary: dict[str, Any], predicted: Predicted) -> None:
        """``best.pt`` and the scores of these weights on the select role."""
        labels, logits = predicted
        self.folder.write_select_scores([image.relative for image in self.select], labels, sigmoid(logits))
        checkpoint.save(self.folder.best, model=weights, network=self.network.backbone, summary=summary)

    def _save(self) -> None:
        checkpoint.save(
            self.folder.last,
            network=self.network.backbone,
            model=checkpoint.plain_weights(self.network),
            average=checkpoint.plain_weights(self._average) if self._average is not None else None,
            optimizer=self._optimizer.state_dict() if self._optimizer is not None else None,
            position=asdict(self.position),
            rows=[asdict(row) for row in self.rows],
            random=checkpoint.random_state(),
            summary={**self.summary, "epoch": self.position.epochs_done},
        )
        self._last_saved = time.monotonic()


def stop_after(minutes: float | None, interrupted: Callable[[], bool]) -> Callable[[], bool]:
    """``should_stop`` for ``--max-minutes`` and signals."""
    deadline = time.monotonic() + 60 * minutes if minutes is not None else math.inf
    return lambda: interrupted() or time.monotonic() >= deadline

"""The training loop: phases, epochs, steps, with a checkpoint that can continue inside an epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.backbones.backbone import Network
from models.support.errors import Failure, ModelFileError
from models.support.machine import available_memory
from train.datasets.decoded_store import Pictures
from train.datasets.loader import Batch, steps_of, training_batches, whole_batches
from train.datasets.sampling import epoch_order
from train.datasets.tree import LabelledImage
from train.fitting import checkpoint, freezing
from train.fitting.ema import averaged
from train.fitting.feature_cache import FrozenFeatures, Tail, head
from train.fitting.select_curve import source_rows
from train.recipes import Optimizer, Phase, Recipe, Schedule
from train.run_folder import EpochRow, RunFolder

EVALUATION_BATCH = {"cpu": 8, "cuda": 128}

_SHARE_OF_MEMORY = 0.5
"""Of what is available, for the features of frozen blocks."""


class TrainingError(Failure):
    """Training cannot go on as it was set up."""


class Progress(Protocol):
    """Told about each training step; see :mod:`train.progress`."""

    def epoch(self, phase: str, epoch: int, epochs: int, steps: int, done: int) -> None: ...
    def step(self, images: int, loss: float) -> None: ...
    def row(self, row: EpochRow) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class Position:
    """Where a run stands: the next step to take."""

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


@dataclass
class Outcome:
    """How a call of :meth:`Trainer.run` ended."""

    finished: bool
    epochs_done: int
    best_auc: float | None


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
    _features: FrozenFeatures | None = None
    """Of the phase in :attr:`_features_of`; ``None`` when that phase has nothing to remember."""
    _features_of: int = -1
    _last_saved: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.network.to(self.device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(self.network.mean, device=self.device).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(self.network.std, device=self.device).view(1, 3, 1, 1) * 255
        self._loss = nn.BCEWithLogitsLoss()
        self._average = averaged(self.network, self.recipe.ema) if self.recipe.ema is not None else None
        self._compiled: Any = None
        if self.recipe.compile and self.device.type == "cuda":
            self._compiled = torch.compile(self.network)

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
            self._optimizer = self._new_optimizer(phase)
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
            labels, logits = self.predict(self.select, degraded=self.recipe.select_degraded)
            self._write_best(labels, logits)

    def _epoch(self, phase: Phase) -> bool:
        """Train to the epoch's end; ``False`` when ``should_stop`` said so on the way or at its end."""
        at = self.position
        order = epoch_order(self.fit, self.recipe, seed=self.seed, epoch=at.epochs_done)
        steps = math.ceil(len(order) / self.recipe.batch_size)
        if self._optimizer is None:
            self._optimizer = self._new_optimizer(phase)
        freezing.prepare(self.network, phase)
        freezing.set_modes(self.network, phase)
        self.progress.epoch(phase.name, at.epoch + 1, phase.epochs, steps, at.step)
        stopwatch = time.monotonic()
        for batch, waited in _timed(self._batches(phase, order)):
            loss = self._step(batch, self._learning_rate(phase, steps, at.step))
            at.step += 1
            at.images += len(batch.labels)
            at.waited += max(0.0, waited - batch.embedding)
            at.making += batch.seconds
            at.made += batch.made
            at.loss_sum += loss * len(batch.labels)
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

    def _batches(self, phase: Phase, order: Sequence[int]) -> Iterator[Batch]:
        """What is left of the epoch: pixels or, where they are remembered, the features that the tail takes."""
        at = self.position

        def load(batches: Sequence[Sequence[int]]) -> Iterator[Batch]:
            return training_batches(
                self.fit, order, batches, self.recipe, phase, self.pictures,
                seed=self.seed, epoch=at.epochs_done, workers=self.workers,
            )  # fmt: skip

        steps = steps_of(order, self.recipe.batch_size, at.step)
        if self._features_of != at.phase:
            self._features, self._features_of = self._new_features(phase), at.phase
        if self._features is None:
            return load(steps)
        labels = [float(image.label) for image in self.fit]
        return self._features.batches(order, steps, labels, at.epochs_done, load)

    def _new_features(self, phase: Phase) -> FrozenFeatures | None:
        """A memory for the phase, if its images come back unchanged and something before its first block is frozen."""
        if self.recipe.views is None or (start := freezing.first_trainable(self.network, phase)) == 0:
            return None

        def embed(pixels: Tensor) -> Tensor:
            with torch.no_grad(), self._precision():
                return head(self.network, start, self._normalised(pixels))

        # Bit for bit the same after an interruption is what a CPU promises, and CUDA does not.
        at_once = 1 if self.device.type == "cpu" else self.recipe.batch_size
        features = FrozenFeatures(start, len(self.fit), self.recipe.views, embed, at_once=at_once)
        needed = features.needed_bytes(torch.zeros((1, phase.size, phase.size, 3), dtype=torch.uint8))
        room = available_memory()
        if room is not None and needed > _SHARE_OF_MEMORY * room:
            self.progress.note(
                f"note: the frozen blocks are computed in every epoch: remembering what they give for "
                f"{len(self.fit)} images in {self.recipe.views} views takes {needed / 2**30:.1f} GiB, and "
                f"{room / 2**30:.1f} GiB of memory are available"
            )
            return None
        return features

    def _learning_rate(self, phase: Phase, steps: int, step: int) -> float:
        return learning_rate(self.recipe, phase, self.position.epoch * steps + step, phase.epochs * steps)

    def _step(self, batch: Batch, lr: float) -> float:
        assert self._optimizer is not None
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        with self._precision():
            logits = self._logits(batch.inputs.to(self.device, non_blocking=True)).float().reshape(-1)
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

    def _logits(self, inputs: Tensor) -> Tensor:
        """What the network being trained makes of a batch's pixels or remembered features."""
        network: Any = self.network
        if self._features is not None:
            network = Tail(self.network, self._features.start)
        elif self._compiled is not None and len(inputs) == self.recipe.batch_size:
            network = (
                self._compiled
            )  # an epoch's last batch may be smaller, and would be compiled for minutes
        logits: Tensor = network(inputs if self._features is not None else self._normalised(inputs))
        return logits

    def _normalised(self, pixels: Tensor) -> Tensor:
        batch = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        return ((batch - self._mean) / self._std).contiguous(memory_format=torch.channels_last)

    def _precision(self, *, exact: bool = False) -> torch.autocast:
        # bfloat16 is faster on CUDA and slower for training on CPUs.
        on_cuda = self.device.type == "cuda"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on_cuda and not exact)

    def predict(
        self, images: Sequence[LabelledImage], *, exact: bool = False, degraded: bool = False
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Labels ``int64[N]`` and logits ``float64[N]`` of the whole images, in eval mode.

        ``exact``: in fp32, as an exported file computes, and not in bfloat16 on CUDA.
        ``degraded``: of the pictures' degraded copies.
        Raises :class:`TrainingError` when a logit is not a number.
        """
        network = self._judged
        network.eval()
        labels, logits = [], []
        with torch.inference_mode():
            for batch in whole_batches(
                images, self.pictures, batch_size=EVALUATION_BATCH[self.device.type], workers=self.workers,
                degraded=degraded, margin=self.recipe.margin,
            ):  # fmt: skip
                with self._precision(exact=exact):
                    found = network(self._normalised(batch.inputs))
                logits.append(found.float().reshape(-1).cpu().double().numpy())
                labels.append(batch.labels.numpy().astype(np.int64))
        scores = np.concatenate(logits)
        if not np.isfinite(scores).all():
            raise TrainingError(
                f"after epoch {self.position.epochs_done + 1} the network's output is not a number: train again "
                "with a lower learning rate, or from other weights"
            )
        return np.concatenate(labels), scores

    def _end_epoch(self, phase: Phase, lr: float) -> None:
        """Judge the epoch and write it down.

        ``last.pt`` goes first, because all else can be made again from it: after a crash in between, a resumed
        run does that (:meth:`_catch_up`). ``best.pt`` goes last, because its epoch says that its scores are there.
        """
        from sklearn.metrics import log_loss, roc_auc_score

        at = self.position
        labels, logits = self.predict(self.select, degraded=self.recipe.select_degraded)
        at.epochs_done += 1
        row = EpochRow(
            epoch=at.epochs_done,
            phase=phase.name,
            size=phase.size,
            lr=lr,
            train_loss=at.loss_sum / at.images,
            select_loss=float(log_loss(labels, _sigmoid(logits), labels=[0, 1])),
            select_auc=float(roc_auc_score(labels, logits)),
            images=at.images,
            images_per_second=at.images / max(at.seconds, 1e-9),
            model_images_per_second=at.images / max(at.seconds - at.waited, 1e-9),
            loader_images_per_second=at.made * max(1, self.workers) / at.making if at.made else None,
            sources=source_rows(self.select, labels, logits),
        )
        self.rows.append(row)
        self.position = at = Position(phase=at.phase, epoch=at.epoch + 1, epochs_done=at.epochs_done)
        self._save()
        self.folder.write_metrics(self.rows)
        if self._last_is_best():
            self._write_best(labels, logits)
        self.progress.row(row)

    def _last_is_best(self) -> bool:
        return all(row.select_auc < self.rows[-1].select_auc for row in self.rows[:-1])

    def _epoch_of_best(self) -> object:
        try:
            return checkpoint.load(self.folder.best)["summary"]["epoch"]
        except (ModelFileError, KeyError):
            return None

    def _write_best(self, labels: npt.NDArray[np.int64], logits: npt.NDArray[np.float64]) -> None:
        row = self.rows[-1]
        self.folder.write_select_scores([image.relative for image in self.select], labels, _sigmoid(logits))
        summary = {**self.summary, "epoch": row.epoch, "select_auc": row.select_auc}
        checkpoint.save(
            self.folder.best, model=_weights(self._judged), network=self.network.backbone, summary=summary
        )

    def _save(self) -> None:
        checkpoint.save(
            self.folder.last,
            network=self.network.backbone,
            model=_weights(self.network),
            average=_weights(self._average) if self._average is not None else None,
            optimizer=self._optimizer.state_dict() if self._optimizer is not None else None,
            position=asdict(self.position),
            rows=[asdict(row) for row in self.rows],
            random=checkpoint.random_state(),
            summary={**self.summary, "epoch": self.position.epochs_done},
        )
        self._last_saved = time.monotonic()

    def _new_optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        trainable = freezing.prepare(self.network, phase)
        if self.recipe.optimizer is Optimizer.ADAM:
            return torch.optim.Adam(trainable, lr=phase.lr, weight_decay=self.recipe.weight_decay)
        # Decay is for weights; on BatchNorm and biases (one dimension) it only fights the data.
        groups = [
            {"params": [p for p in trainable if p.ndim > 1], "weight_decay": self.recipe.weight_decay},
            {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW([g for g in groups if g["params"]], lr=phase.lr)


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}


def _sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    probabilities: npt.NDArray[np.float64] = torch.sigmoid(torch.from_numpy(logits)).numpy()
    return probabilities


def _timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch with the seconds that one waited for it."""
    while True:
        asked = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.monotonic() - asked


def learning_rate(recipe: Recipe, phase: Phase, step: int, steps: int) -> float:
    """The rate at ``step`` of a phase of ``steps``: linear warm-up, then constant or half a cosine to zero."""
    warmup = min(recipe.warmup_steps, steps // 2)
    if step < warmup:
        return phase.lr * (step + 1) / warmup
    if recipe.schedule is Schedule.CONSTANT:
        return phase.lr
    return phase.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def stop_after(minutes: float | None, interrupted: Callable[[], bool]) -> Callable[[], bool]:
    """``should_stop`` for ``--max-minutes`` and signals."""
    deadline = time.monotonic() + 60 * minutes if minutes is not None else math.inf
    return lambda: interrupted() or time.monotonic() >= deadline

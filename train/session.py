"""One call of ``scan-train``: what it sets up, says and leaves behind."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from models.storage import Store
from models.support.errors import ExitCode, OutputError
from models.support.machine import usable_cores
from models.support.terminal import say
from train import run
from train.datasets.decoded_store import Pictures
from train.datasets.faces import FaceList
from train.datasets.joined_trees import Trees
from train.datasets.looks import table
from train.datasets.precheck import NO_FACE
from train.datasets.sampling import balanced_subset
from train.datasets.tree import LabelledImage
from train.fitting.bias import correct_bias
from train.fitting.calibrate_run import calibrate_best, is_calibrated, why_not
from train.fitting.cpu import prepared_cpu
from train.fitting.device import choose_device, spare_threads
from train.fitting.freezing import first_trainable
from train.fitting.loop import Trainer, stop_after
from train.fitting.wise_ft import keep_start, mix_best
from train.plots import plot_run
from train.progress import TrainingBar
from train.run_folder import RunFolder


@dataclass(frozen=True)
class Settings:
    """Options that change how a run is worked off, and nothing of what it learns."""

    device: str
    workers: int | None
    memory_gib: float | None
    max_minutes: float | None
    checkpoint_minutes: float
    no_progress: bool

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))


class Session:
    """A run with the machine that it is worked off on. Speaks on stderr."""

    current: run.Run

    def __init__(
        self, data: Sequence[Path], out: Path, settings: Settings, *, manifests: Sequence[Path] = ()
    ) -> None:
        """Raises :class:`models.support.errors.Failure`."""
        self.folder, self.settings = RunFolder(out), settings
        self.trees = Trees.of(data, manifests)
        self.device = choose_device(settings.device)
        self._caught: list[int] = []
        self._should_stop = stop_after(settings.max_minutes, lambda: bool(self._caught))
        cores = usable_cores()
        spare_threads(cores)
        self.workers = settings.workers if settings.workers is not None else min(16, max(1, cores - 1))
        self._threads = max(self.workers, cores)
        self.progress = TrainingBar(bar=sys.stderr.isatty() and not settings.no_progress)
        limit = settings.memory_gib
        self.pictures = Pictures(int(limit * 2**30) if limit is not None else None)

    @contextlib.contextmanager
    def machine(self) -> Iterator[None]:
        """The process as it is best set for the device, for as long as the run is worked on."""
        with prepared_cpu() if self.device.type == "cpu" else contextlib.nullcontext() as said:
            if said:
                say(said)
            yield

    def begin(self, options: Mapping[str, Any]) -> None:
        """Begin a run of this :class:`train.run.Plan`, and write down what a resumed one reads back."""
        preparation = run.Preparation(
            self.pictures,
            FaceList.beside(self.folder.path, self.trees.name),
            self._threads,
            bar=not self.progress.disabled,
        )
        self.current = run.begin(self.trees, run.Plan(**options), preparation)
        self.current.write(self.folder)

    def resume(self, given: Mapping[str, Any], *, decode: bool) -> None:
        """Take up the run of the folder; ``given``: options that the user repeats. ``decode``: pictures will be
        needed, and a new run keeps them as it checks them."""
        self.current = run.resume(self.trees, self.folder, given=dict(given))
        if decode:
            self.pictures.fill([*self.current.fit, *self.current.select], workers=self._threads)

    def train(self) -> int:
        """Train to the end, or until a signal or ``--max-minutes``; the exit code."""
        with _noting_signals(self._caught):
            trainer = self._trainer()
            self._say_what_is_kept()
            try:
                outcome = trainer.run()
            finally:
                self.progress.close()
            plot_run(self.folder, trainer.rows)
            if outcome.finished:
                self._end(trainer)
        best = "no epoch ended yet"
        if outcome.best_auc is not None:
            best = f"best select AUC {outcome.best_auc:.4f}: {self.folder.best}"
        if outcome.finished:
            say(f"done: {outcome.epochs_done} epochs, {best}")
            return int(ExitCode.OK)
        say(f"stopped after {outcome.epochs_done} epochs, {best}; continue with --resume")
        return int(ExitCode.INTERRUPTED if self._caught else ExitCode.OK)

    def finish(self) -> int:
        """Train no further: calibrate the best epoch so far; the exit code."""
        with _noting_signals(self._caught):
            trainer = self._trainer()
            if trainer.best_auc is None:
                raise OutputError(
                    f"--finish: no epoch of {self.folder.path} has ended yet, so there is nothing to calibrate"
                )
            self._end(trainer)
        say(
            f"ended after {trainer.position.epochs_done} epochs, best select AUC {trainer.best_auc:.4f}: "
            f"{self.folder.best}"
        )
        return int(ExitCode.OK)

    def _trainer(self) -> Trainer:
        current = self.current
        self._say_what_is_left_out()
        select = balanced_subset(current.select, current.recipe.select_images)
        trainer = Trainer(
            current.network,
            current.recipe,
            current.fit,
            select,
            self.folder,
            self.device,
            current.seed,
            current.summary,
            self.progress,
            self._should_stop,
            workers=self.workers,
            pictures=self.pictures,
            checkpoint_seconds=60 * self.settings.checkpoint_minutes,
        )
        if current.state is not None:
            trainer.resume(current.state)
        else:
            if current.recipe.wise_ft:
                keep_start(trainer)
            for line in table(current.fit):
                say(line)
        say(
            f"{current.recipe.name} on {_device_name(self.device)}: {len(current.fit)} fit and {len(select)} select "
            f"images, {sum(p.epochs for p in current.recipe.phases)} epochs, {trainer.position.epochs_done} done"
        )
        return trainer

    def _say_what_is_left_out(self) -> None:
        current = self.current
        faceless = sum(reason == NO_FACE for _, reason in current.unreadable)
        if unreadable := len(current.unreadable) - faceless:
            say(
                f"warning: {unreadable} of {current.images} images cannot be read and are left out: "
                f"{self.folder.unreadable}"
            )
        if faceless:
            say(
                f"note: {faceless} of {current.images} images have no face and are left out: {self.folder.unreadable}"
            )
        if current.left_out:
            reasons = ", ".join(f"{why} {number}" for why, number in current.config["left_out"].items())
            say(f"note: {len(current.left_out)} files are left out ({reasons}): {self.folder.unreadable}")
        for remark in current.join.remarks("train") if current.join is not None else ():
            say(remark)
        if current.leaks:
            exact = sum(leak.kind == "exact" for leak in current.leaks)
            say(
                f"{'warning' if exact else 'note'}: two roles share {exact} exact copies and "
                f"{len(current.leaks) - exact} look-alikes, so figures are optimistic: {self.folder.leakage}"
            )

    def _say_what_is_kept(self) -> None:
        current, pictures = self.current, self.pictures
        kept = all(one in pictures for one in current.fit)
        say(
            f"{len(pictures)} decoded pictures in {pictures.bytes / 2**30:.1f} GiB of memory"
            + ("" if kept else ", the others are read in every epoch")
        )
        frozen = any(first_trainable(current.network, phase) > 0 for phase in current.recipe.phases)
        if self.device.type == "cpu" and current.recipe.views is None and frozen:
            say(
                "note: the frozen blocks are computed for every image in every epoch; --set views=2 computes them "
                "once for each of 2 augmented views per image, which takes minutes where this takes hours"
            )

    def _end(self, trainer: Trainer) -> None:
        if self.current.recipe.wise_ft:
            share, auc = mix_best(trainer)
            say(
                f"the best epoch's share in the weights is {share:g}, the start has the rest: select AUC {auc:.4f}"
            )
        self._calibrate(trainer)

    def _calibrate(self, trainer: Trainer) -> None:
        images: Sequence[LabelledImage] = self.current.calibrate
        if is_calibrated(trainer.folder):
            return
        if reason := why_not(images):
            say(f"note: not calibrated: {reason}; scores keep temperature 1 and threshold 0.5")
            return
        shift = correct_bias(trainer, images)
        content = calibrate_best(trainer, images, data=self.current.config["data"])
        one = content.by_store[Store.FP32.value]
        default = one.thresholds["default"]
        say(
            f"calibrated on {one.real} Real and {one.fake} Fake: bias {shift:+.3g}, temperature "
            f"{one.temperature:.3g}; threshold {default.value:.4g} flags {100 * (default.fpr or 0):.1f} % "
            f"of the real and {100 * (default.tpr or 0):.1f} % of the fake images of the calibrate role"
        )
        if one.inconclusive_low == 0:
            say(
                "note: too few of the fakes score high to call any picture real: the inconclusive band begins at 0"
            )


def check_out(out: Path, *, resume: bool) -> None:
    """Everything that can be known of the run's folder before minutes are spent. Raises :class:`OutputError`."""
    folder = RunFolder(out)
    if not out.parent.is_dir():
        raise OutputError(f"--out {out}: the folder {out.parent} does not exist; make it first")
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is not a folder; choose another")
    if resume and not folder.last.is_file():
        raise OutputError(
            f"--resume: {folder.last} does not exist; start a run without --resume in a new folder"
        )
    if not resume and out.is_dir() and any(out.iterdir()):
        if folder.config.exists():
            raise OutputError(f"{out} already holds a run; continue it with --resume or choose another --out")
        raise OutputError(f"--out {out} is not empty and holds no run; choose another")


@contextlib.contextmanager
def _noting_signals(caught: list[int]) -> Iterator[None]:
    """Note signals that ask for a stop; the second Ctrl-C no longer waits for the step's end."""

    def note(number: int, frame: object) -> None:
        caught.append(number)
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _device_name(device: torch.device) -> str:
    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU ({torch.get_num_threads()} threads)"
    )

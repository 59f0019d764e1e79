"""``scan-train``: from a labelled tree to checkpoints."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.dependencies import require_extra
from models.errors import ExitCode, OutputError, run_command

if TYPE_CHECKING:
    from train.data import LabelledImage
    from train.loop import Trainer
    from train.run import Run
    from train.run_folder import RunFolder


@click.command(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "auto_envvar_prefix": "SCAN_TRAIN",
    }
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the run; made if its parent exists.",
)
@click.option(
    "--recipe",
    "recipe_name",
    envvar="SCAN_TRAIN_RECIPE",
    type=click.Choice(["two-phase", "scratch"]),
    default="two-phase",
    help="two-phase: classifier, then classifier + block 6, on pretrained weights. scratch: all layers, from nothing.",
)
@click.option(
    "--init",
    default=None,
    metavar="random|imagenet|shipped|FILE",
    help="Starting weights. [default: imagenet for two-phase, random for scratch]",
    show_default=False,
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    default=None,
    help="CSV with path, label and optionally source, group, sha256. [default: NAME.manifest.csv in or beside DATA]",
    show_default=False,
)
@click.option(
    "--source",
    "sources",
    envvar="SCAN_TRAIN_SOURCE",
    multiple=True,
    help="Train on this source of the manifest only; repeatable.",
)
@click.option("--epochs", default=None, help="Epochs of each phase, such as 5,10.")
@click.option("--phases", default=None, help="scratch only: SIZExEPOCHS@LR,…, such as 96x30@5e-4,260x2@1e-4.")
@click.option(
    "--batch-size",
    type=click.IntRange(2),
    default=None,
    help="Images per step. [default: the recipe's]",
    show_default=False,
)
@click.option(
    "--epoch-images",
    type=click.IntRange(2),
    default=None,
    help="Length of an epoch in images. [default: all fit images]",
    show_default=False,
)
@click.option(
    "--select-images",
    type=click.IntRange(2),
    default=None,
    help="At most so many select images judge an epoch. [default: all]",
    show_default=False,
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, help="Seed of order, augmentation and initialisation."
)
@click.option("--device", default="auto", metavar="auto|cpu|cuda[:N]", help="Where to train.")
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=None,
    help="Processes that load images. [default: by cores]",
    show_default=False,
)
@click.option(
    "--memory-gib",
    type=click.FloatRange(0),
    default=None,
    help="Keep decoded pictures in so much memory at most. [default: half of what is free]",
    show_default=False,
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="Stop at a checkpoint after so long.",
)
@click.option(
    "--checkpoint-minutes", type=click.FloatRange(0), default=10.0, help="Save inside an epoch so often."
)
@click.option(
    "--set",
    "settings",
    envvar="SCAN_TRAIN_SET",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Another value of a field of the recipe, such as degradations=on or ema=0.999; repeatable.",
)
@click.option("--resume", is_flag=True, help="Continue the run in --out where its last checkpoint left it.")
@click.option(
    "--finish",
    is_flag=True,
    help="With --resume: train no further, calibrate the best epoch so far, and end the run.",
)
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.version_option(package_name="deepfake-scanner")
@click.pass_context
def train(
    context: click.Context, /, data: Path, out: Path, device: str, workers: int | None, max_minutes: float | None,
    checkpoint_minutes: float, memory_gib: float | None, resume: bool, finish: bool, no_progress: bool, **plan: Any,
) -> int:  # fmt: skip
    """Train a detector on DATA/{train,validation}/{Real,Fake}/….

    The train split is divided 90/5/5 by group into fit, select (chooses the epoch) and calibrate; the validation
    split is for scan-evaluate alone. The best epoch is RUN/best.pt, its temperature and thresholds are
    RUN/calibration.json: export them with scan-export RUN.
    """
    if finish and not resume:
        raise click.UsageError("--finish ends a run that was begun: add --resume")
    require_extra("train", ("torch", "torchvision", "matplotlib", "sklearn"), needed_by="scan-train")
    from models.machine import usable_cores
    from train import run
    from train.device import choose_device, spare_threads
    from train.loop import Trainer, stop_after
    from train.pictures import Pictures
    from train.plots import plot_run
    from train.progress import BarProgress
    from train.run_folder import RunFolder
    from train.sampling import balanced_subset

    folder = RunFolder(out)
    _check_out(folder, resume=resume)
    where = choose_device(device)
    caught: list[int] = []
    should_stop = stop_after(max_minutes, lambda: bool(caught))
    cores = usable_cores()
    spare_threads(cores)
    workers = workers if workers is not None else min(16, max(1, cores - 1))
    progress = BarProgress(bar=sys.stderr.isatty() and not no_progress)
    pictures = Pictures(int(memory_gib * 2**30) if memory_gib is not None else None)
    threads = max(workers, cores)
    if resume:
        current = run.resume(data, folder, given=_given(context, plan))
        if not finish:
            pictures.fill(
                [*current.fit, *current.select], workers=threads
            )  # a new run fills them as it checks
    else:
        current = run.begin(data, pictures=pictures, threads=threads, bar=not progress.disabled, **plan)
    with _noting_signals(caught):
        if not resume:
            current.write(folder)
        if current.unreadable:
            click.echo(
                f"warning: {len(current.unreadable)} of {current.images} images cannot be read and are left "
                f"out: {folder.unreadable}",
                err=True,
            )
        if current.leaks:
            exact = sum(leak.kind == "exact" for leak in current.leaks)
            click.echo(
                f"{'warning' if exact else 'note'}: two roles share {exact} exact copies and "
                f"{len(current.leaks) - exact} look-alikes, so figures are optimistic: {folder.leakage}",
                err=True,
            )
        fit, select = current.fit, balanced_subset(current.select, current.recipe.select_images)
        trainer = Trainer(
            current.network, current.recipe, fit, select, folder, where, current.seed, current.summary, progress,
            should_stop, workers=workers, pictures=pictures, checkpoint_seconds=60 * checkpoint_minutes,
        )  # fmt: skip
        if current.state is not None:
            trainer.resume(current.state)
        click.echo(
            f"{current.recipe.name} on {_device_name(where)}: {len(fit)} fit and {len(select)} select images, "
            f"{sum(p.epochs for p in current.recipe.phases)} epochs, {trainer.position.epochs_done} done",
            err=True,
        )
        if finish:
            return _finish(trainer, current.calibrate, current.config["data"])
        click.echo(
            f"{len(pictures)} decoded pictures in {pictures.bytes / 2**30:.1f} GiB of memory"
            + ("" if all(one in pictures for one in fit) else ", the others are read in every epoch"),
            err=True,
        )
        if where.type == "cpu" and current.recipe.views is None and _has_frozen_beginning(current):
            click.echo(
                "note: the frozen blocks are computed for every image in every epoch; --set views=2 computes them "
                "once for each of 2 augmented views per image, which takes minutes where this takes hours",
                err=True,
            )
        try:
            outcome = trainer.run()
        finally:
            progress.close()
        plot_run(folder, trainer.rows)
        if outcome.finished:
            _calibrate(trainer, current.calibrate, current.config["data"])
    best = "no epoch ended yet"
    if outcome.best_auc is not None:
        best = f"best select AUC {outcome.best_auc:.4f}: {folder.best}"
    if outcome.finished:
        click.echo(f"done: {outcome.epochs_done} epochs, {best}", err=True)
        return int(ExitCode.OK)
    click.echo(f"stopped after {outcome.epochs_done} epochs, {best}; continue with --resume", err=True)
    return int(ExitCode.INTERRUPTED if caught else ExitCode.OK)


def _has_frozen_beginning(current: Run) -> bool:
    from train.freezing import first_trainable

    return any(first_trainable(current.network, phase) > 0 for phase in current.recipe.phases)


def _finish(trainer: Trainer, images: Sequence[LabelledImage], data: str) -> int:
    folder = trainer.folder
    if trainer.best_auc is None:
        raise OutputError(
            f"--finish: no epoch of {folder.path} has ended yet, so there is nothing to calibrate"
        )
    _calibrate(trainer, images, data)
    click.echo(
        f"ended after {trainer.position.epochs_done} epochs, best select AUC {trainer.best_auc:.4f}: {folder.best}",
        err=True,
    )
    return int(ExitCode.OK)


def _calibrate(trainer: Trainer, images: Sequence[LabelledImage], data: str) -> None:
    from models.storage import Store
    from train.calibrating import calibrate_best, is_calibrated, why_not

    if is_calibrated(trainer.folder):
        return
    if reason := why_not(images):
        click.echo(f"note: not calibrated: {reason}; scores keep temperature 1 and threshold 0.5", err=True)
        return
    one = calibrate_best(trainer, images, data=data).by_store[Store.FP32.value]
    default = one.thresholds["default"]
    click.echo(
        f"calibrated on {one.real} Real and {one.fake} Fake: temperature {one.temperature:.3g}; threshold "
        f"{default.value:.4g} flags {100 * (default.fpr or 0):.1f} % of the real and "
        f"{100 * (default.tpr or 0):.1f} % of the fake images of the calibrate role",
        err=True,
    )


def _check_out(folder: RunFolder, *, resume: bool) -> None:
    out = folder.path
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


def _given(context: click.Context, plan: dict[str, Any]) -> dict[str, Any]:
    """The options that the user has set, by argument or environment."""
    default = click.core.ParameterSource.DEFAULT
    return {name: value for name, value in plan.items() if context.get_parameter_source(name) is not default}


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


def _device_name(device: Any) -> str:
    import torch

    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU ({torch.get_num_threads()} threads)"
    )


def main() -> None:
    """Entry point of ``scan-train``."""
    run_command(train)

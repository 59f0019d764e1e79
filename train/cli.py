"""``scan-train``: from a labelled tree to checkpoints."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.errors import DataError, ExitCode, Failure, OutputError, run_command

if TYPE_CHECKING:
    from train.data import LabelledImage, Role
    from train.recipes import Recipe
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
    "--source", "sources", multiple=True, help="Train on this source of the manifest only; repeatable."
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
    "--max-minutes",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="Stop at a checkpoint after so long.",
)
@click.option(
    "--checkpoint-minutes", type=click.FloatRange(0), default=10.0, help="Save inside an epoch so often."
)
@click.option("--resume", is_flag=True, help="Continue the run in --out where its last checkpoint left it.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.version_option(package_name="deepfake-scanner")
def train(data: Path, out: Path, resume: bool, **options: Any) -> int:
    """Train a detector on DATA/{train,validation}/{Real,Fake}/….

    The train split is divided 90/5/5 by group into fit, select (chooses the epoch) and calibrate; the validation
    split is for scan-evaluate alone. The best epoch is RUN/best.pt: export it with scan-export.
    """
    try:
        import sklearn  # noqa: F401
        import torch  # noqa: F401
        import torchvision  # noqa: F401
    except ImportError as error:
        raise Failure(f'{error.name} is not installed: pip install "deepfake-scanner[train]"') from None
    from train.run_folder import RunFolder

    if not out.parent.is_dir():
        raise OutputError(f"--out {out}: the folder {out.parent} does not exist; make it first")
    folder = RunFolder(out)
    if resume:
        if not folder.last.is_file():
            raise OutputError(f"--resume: {folder.last} does not exist; start the run without --resume")
    elif folder.config.exists():
        raise OutputError(f"{out} already holds a run; continue it with --resume or choose another --out")
    return _run(data, folder, resume=resume, **options)


def _run(
    data: Path, folder: RunFolder, *, resume: bool, device: str, seed: int, init: str | None, workers: int | None,
    max_minutes: float | None, checkpoint_minutes: float, no_progress: bool, **options: Any,
) -> int:  # fmt: skip
    import torch

    from train import checkpoint
    from train.device import choose_device
    from train.loop import Trainer, stop_after
    from train.plots import plot_run
    from train.progress import BarProgress
    from train.recipes import Recipe
    from train.sampling import balanced_subset
    from train.starting_weights import starting_network

    where = choose_device(device)
    interrupted = _catch_signals()
    should_stop = stop_after(max_minutes, lambda: bool(interrupted))
    cores = len(_usable_cores())
    workers = workers if workers is not None else min(16, max(1, cores - 1))
    progress = BarProgress(bar=sys.stderr.isatty() and not no_progress)

    if resume:
        config = folder.read_config()
        recipe, seed, init = Recipe.from_config(config["recipe"]), config["seed"], config["init"]
        roles = folder.read_roles(data)
        state: dict[str, Any] | None = checkpoint.load(folder.last)
    else:
        recipe = _recipe(
            **{
                k: options[k]
                for k in ("recipe_name", "epochs", "phases", "batch_size", "epoch_images", "select_images")
            }
        )
        init = init or recipe.default_init
        state = None
    torch.manual_seed(seed)
    # Before the data are read: a missing weights file should say so at once.
    network = starting_network("random" if resume else init, recipe)
    if not resume:
        roles = _prepare(
            data,
            folder,
            options["manifest"],
            options["sources"],
            workers=max(workers, cores),
            bar=not progress.disabled,
        )
        config = _config(recipe, init, seed, data, roles, options["sources"])
        folder.write_config(config)

    from train.data import Role

    select = balanced_subset(roles[Role.SELECT], recipe.select_images)
    summary = {
        key: config[key] for key in ("tool_version", "recipe", "init", "seed", "data", "sources", "counts")
    }
    trainer = Trainer(
        network, recipe, roles[Role.FIT], select, folder, where, seed, summary, progress, should_stop,
        workers=workers, checkpoint_seconds=60 * checkpoint_minutes,
    )  # fmt: skip
    if state is not None:
        trainer.resume(state)
    click.echo(
        f"{recipe.name} on {_device_name(where)}: {len(roles[Role.FIT])} fit and {len(select)} select images, "
        f"{sum(p.epochs for p in recipe.phases)} epochs, {trainer.position.epochs_done} done",
        err=True,
    )
    try:
        outcome = trainer.run()
    finally:
        progress.close()
    plot_run(folder, trainer.rows)
    best = (
        f"best select AUC {outcome.best_auc:.4f}: {folder.best}"
        if outcome.best_auc is not None
        else "no epoch ended yet"
    )
    if outcome.finished:
        click.echo(f"done: {outcome.epochs_done} epochs, {best}", err=True)
    else:
        click.echo(f"stopped after {outcome.epochs_done} epochs, {best}; continue with --resume", err=True)
    return int(ExitCode.INTERRUPTED if interrupted else ExitCode.OK)


def _recipe(
    recipe_name: str, epochs: str | None, phases: str | None,
    batch_size: int | None, epoch_images: int | None, select_images: int | None,
) -> Recipe:  # fmt: skip
    from dataclasses import replace

    from train.recipes import RECIPES, RecipeError, with_epochs, with_phases

    recipe = RECIPES[recipe_name]
    if epochs is not None and phases is not None:
        raise RecipeError("--epochs and --phases both say how long to train; give one")
    if phases is not None:
        recipe = with_phases(recipe, phases)
    if epochs is not None:
        recipe = with_epochs(recipe, epochs)
    return replace(
        recipe,
        batch_size=batch_size or recipe.batch_size,
        epoch_images=epoch_images or recipe.epoch_images,
        select_images=select_images or recipe.select_images,
    )


def _prepare(
    data: Path, folder: RunFolder, manifest: Path | None, sources: tuple[str, ...], *, workers: int, bar: bool
) -> dict[Role, list[LabelledImage]]:
    """Read, check and divide the train split; nothing is written before it is known to be usable."""
    from tqdm import tqdm

    from train.data import Role, count_by_class, divide, only_sources, read_tree
    from train.precheck import split_readable

    images = read_tree(data, "train", manifest=manifest)
    if sources:
        images = only_sources(images, sources)
    with tqdm(
        total=len(images), desc="checking images", unit="image", disable=not bar, leave=False
    ) as checked:
        images, bad = split_readable(images, workers=workers, done=checked.update)
    roles = divide(images)
    for role in (Role.FIT, Role.SELECT):
        empty = [name for name, n in count_by_class(roles[role]).items() if n == 0]
        if empty:
            raise DataError(
                f"the {role.value} role of {data} has no readable {' and no '.join(empty)} image "
                f"({len(images)} readable, {len(bad)} not); roles are drawn by group: add images or groups"
            )
    folder.path.mkdir(exist_ok=True)
    folder.write_roles(roles)
    folder.write_unreadable((image.relative, reason) for image, reason in bad)
    if bad:
        click.echo(
            f"warning: {len(bad)} of {len(images) + len(bad)} images cannot be read "
            f"and are left out: {folder.unreadable}",
            err=True,
        )
    return roles


def _config(
    recipe: Recipe,
    init: str,
    seed: int,
    data: Path,
    roles: dict[Role, list[LabelledImage]],
    sources: tuple[str, ...],
) -> dict[str, Any]:
    from importlib.metadata import version

    from models.weights import sha256_file
    from train.data import count_by_class

    file = Path(init)
    return {
        "tool_version": version("deepfake-scanner"),
        "torch": version("torch"),
        "torchvision": version("torchvision"),
        "recipe": recipe.as_config(),
        "init": {"from": file.name, "sha256": sha256_file(file)} if file.is_file() else {"from": init},
        "seed": seed,
        "data": data.resolve().name,
        "sources": list(sources) or None,
        "counts": {role.value: count_by_class(images) for role, images in roles.items()},
    }


def _catch_signals() -> list[int]:
    """Signals that asked for a stop; the second Ctrl-C no longer waits for the step's end."""
    caught: list[int] = []

    def remember(number: int, frame: object) -> None:
        caught.append(number)
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, remember)
    return caught


def _usable_cores() -> set[int]:
    import os

    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


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

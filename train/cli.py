"""``scan-train``: from labelled trees to checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from models.contract import DEFAULT_NETWORK, NETWORKS
from models.support.dependencies import require_extra
from models.support.errors import run_command
from models.support.parameter_source import is_given
from train.labels_option import labels_option


@click.command(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "auto_envvar_prefix": "SCAN_TRAIN",
    }
)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
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
    type=click.Choice(["two-phase", "scratch", "transfer"]),
    default="two-phase",
    help="two-phase: classifier, then classifier + block 6, on pretrained weights. scratch: all layers, from nothing. "
    "transfer: all layers, from pretrained weights.",
)
@click.option(
    "--network",
    type=click.Choice(NETWORKS),
    default=DEFAULT_NETWORK,
    help="What is trained; lite2 does 2.6 times the pictures of b4.",
)
@click.option(
    "--init",
    default=None,
    metavar="random|imagenet|shipped|FILE",
    help="Starting weights. [default: random for scratch, else imagenet]",
    show_default=False,
)
@labels_option(columns="source, group, sha256 and face_x, face_y, face_w, face_h", multiple=True)
@click.option(
    "--source",
    "sources",
    envvar="SCAN_TRAIN_SOURCE",
    multiple=True,
    help="Train on this source of the labels only; repeatable.",
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
    context: click.Context, /, data: tuple[Path, ...], out: Path, resume: bool, finish: bool, **options: Any
) -> int:
    """Train a detector on DATA/{train,validation}/{Real,Fake}/….

    The train split is divided 90/5/5 by group into fit, select (chooses the epoch) and calibrate; the validation
    split is for scan-evaluate alone. The best epoch is RUN/best.pt, its temperature and thresholds are
    RUN/calibration.json: export them with scan-export RUN.
    """
    if finish and not resume:
        raise click.UsageError("--finish ends a run that was begun: add --resume")
    require_extra("train", ("torch", "torchvision", "matplotlib", "sklearn"), needed_by="scan-train")
    from train.session import Session, Settings, check_out

    check_out(out, resume=resume)
    settings = Settings(**{name: options.pop(name) for name in Settings.names()})
    session = Session(data, out, settings, manifests=options.pop("labels"))
    with session.machine():
        if not resume:
            session.begin(options)
        else:
            given = {name: value for name, value in options.items() if is_given(context, name)}
            session.resume(given, decode=not finish)
        return session.finish() if finish else session.train()


def main() -> None:
    """Entry point of ``scan-train``."""
    run_command(train)

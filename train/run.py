"""A run, begun or continued: what it trains, on which images, from which weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from models.backbones import Network
from models.contract import DEFAULT_NETWORK
from models.support.errors import DataError, Failure
from models.support.release import tool_version
from train.datasets.decoded_store import Pictures
from train.datasets.faces import FaceList
from train.datasets.joined_trees import Trees
from train.datasets.leakage import Leak, find_leaks
from train.datasets.manifests import Join
from train.datasets.precheck import Checked, Inspection, check
from train.datasets.tree import LabelledImage, Role, count_by_class, divide, only_sources
from train.fitting import checkpoint
from train.fitting.init_weights import named_origin, starting_network
from train.recipe_options import with_epochs, with_phases, with_settings
from train.recipes import RECIPES, Recipe, RecipeError
from train.run_folder import RunFolder


@dataclass(frozen=True)
class Run:
    """Everything that a :class:`train.fitting.loop.Trainer` needs to know of a run."""

    recipe: Recipe
    network: Network
    roles: dict[Role, list[LabelledImage]]
    config: dict[str, Any]
    state: dict[str, Any] | None = None
    """The last checkpoint of a run that is continued."""
    unreadable: Sequence[tuple[LabelledImage, str]] = ()
    """Images that were left out when the run was begun, with the reason."""
    left_out: Sequence[tuple[str, str]] = ()
    """Relative paths below the class folders that are no images, with the reason; found when the run was begun."""
    join: Join | None = None
    """Of the images with their labels, likewise."""
    leaks: Sequence[Leak] = ()
    """Pictures that two roles share, found when the run was begun."""

    @property
    def fit(self) -> list[LabelledImage]:
        return self.roles[Role.FIT]

    @property
    def select(self) -> list[LabelledImage]:
        return self.roles[Role.SELECT]

    @property
    def calibrate(self) -> list[LabelledImage]:
        return self.roles[Role.CALIBRATE]

    @property
    def images(self) -> int:
        """How many images were looked at."""
        return len(self.unreadable) + sum(len(images) for images in self.roles.values())

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @property
    def summary(self) -> dict[str, Any]:
        """Goes into the checkpoints, and from there into an exported model's metadata."""
        keys = ("tool_version", "recipe", "network", "init", "seed", "data", "sources", "counts")
        return {key: self.config[key] for key in keys if key in self.config}

    def write(self, folder: RunFolder) -> None:
        """Write down what a resumed run reads back, the config last: with it the folder holds a run."""
        folder.make()
        folder.write_roles(self.roles)
        unreadable = [(image.relative, reason) for image, reason in self.unreadable]
        folder.write_unreadable(sorted([*unreadable, *self.left_out], key=lambda row: os.fsencode(row[0])))
        folder.write_leakage(self.leaks)
        folder.write_config(self.config)


@dataclass(frozen=True)
class Plan:
    """What the user asks for; ``None`` stands for the recipe's own setting."""

    recipe_name: str
    init: str | None = None
    network: str = DEFAULT_NETWORK
    sources: Sequence[str] = ()
    seed: int = 0
    epochs: str | None = None
    phases: str | None = None
    batch_size: int | None = None
    epoch_images: int | None = None
    select_images: int | None = None
    settings: Sequence[str] = ()

    def recipe(self) -> Recipe:
        """The recipe as it will be trained. Raises :class:`RecipeError`."""
        recipe = RECIPES[self.recipe_name]
        if self.epochs is not None and self.phases is not None:
            raise RecipeError("--epochs and --phases both say how long to train; give one")
        if self.phases is not None:
            recipe = with_phases(recipe, self.phases)
        if self.epochs is not None:
            recipe = with_epochs(recipe, self.epochs)
        recipe = with_settings(recipe, self.settings)
        return replace(
            recipe,
            batch_size=self.batch_size or recipe.batch_size,
            epoch_images=self.epoch_images or recipe.epoch_images,
            select_images=self.select_images or recipe.select_images,
        )


@dataclass(frozen=True)
class Preparation:
    """With what the images are looked at before a run."""

    pictures: Pictures
    """Keeps what is decoded on the way."""
    faces: Path
    """The list of faces that other runs on the same data left, or will find."""
    threads: int = 1
    bar: bool = False


def begin(trees: Trees, plan: Plan, preparation: Preparation) -> Run:
    """Read, check and divide the train split of ``trees``, and make the network.

    Nothing is written but the list of faces. Raises :class:`models.support.errors.Failure`.
    """
    recipe = plan.recipe()
    init = plan.init or recipe.default_init
    torch.manual_seed(plan.seed)
    # Before the data are read: a missing weights file should say so at once.
    network, origin = starting_network(init, recipe, plan.network)
    survey = trees.survey("train")
    images = survey.images
    if plan.sources:
        images = only_sources(images, plan.sources)
    if unknown := recipe.shares.keys() - {image.source for image in images}:
        raise DataError(f"no image is of source {', '.join(sorted(unknown))}, which --set shares names")
    checked, reported = _inspect(images, trees.report_role(), recipe, preparation)
    roles = divide(checked.good)
    leaks = list(find_leaks({**roles, Role.REPORT: reported.good}, checked.prints | reported.prints))
    for role in (Role.FIT, Role.SELECT):
        empty = [name for name, n in count_by_class(roles[role]).items() if n == 0]
        if empty:
            raise DataError(
                f"the {role.value} role of {trees.name} has no readable {' and no '.join(empty)} image "
                f"({len(checked.good)} readable, {len(checked.bad)} not); roles are drawn by group: add images or "
                "groups"
            )
    config = {
        "tool_version": tool_version(),
        "torch": version("torch"),
        "torchvision": version("torchvision"),
        "recipe": recipe.as_config(),
        "network": plan.network,
        "init": origin,
        "seed": plan.seed,
        "data": trees.name,
        "sources": list(plan.sources) or None,
        "counts": {role.value: count_by_class(images) for role, images in roles.items()},
        "labels": survey.join.as_config() if survey.join is not None else None,
        "left_out": survey.counts_left_out(),
    }
    return Run(
        recipe,
        network,
        roles,
        config,
        unreadable=checked.bad,
        left_out=survey.left_out,
        join=survey.join,
        leaks=leaks,
    )


def _inspect(
    images: Sequence[LabelledImage], report: Sequence[LabelledImage], recipe: Recipe, preparation: Preparation
) -> tuple[Checked, Checked]:
    """Look at the images of a run and, for their fingerprints alone, at those that it will be reported on."""
    faces = FaceList(preparation.faces) if recipe.margin is not None else None
    inspection = Inspection(preparation.pictures.keep, faces, recipe.margin)
    total = len(images) + len(report)
    with tqdm(
        total=total, desc="checking images", unit="image", disable=not preparation.bar, leave=False
    ) as done:
        checked = check(images, inspection, workers=preparation.threads, done=done.update)
        reported = check(report, Inspection(), workers=preparation.threads, done=done.update)
    if faces is not None:
        faces.write(preparation.faces)
    return checked, reported


def resume(trees: Trees, folder: RunFolder, *, given: dict[str, Any]) -> Run:
    """The run in ``folder`` as it was begun, with its last checkpoint.

    ``given``: fields of :class:`Plan` that the user repeats. Repeating is harmless; a changed one is a
    mistake. Raises :class:`models.support.errors.Failure`.
    """
    config = folder.read_config()
    recipe = Recipe.from_config(config["recipe"])
    same: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "recipe_name": ("--recipe", lambda value: value == recipe.name),
        "init": ("--init", lambda value: named_origin(value).items() <= config["init"].items()),
        "network": ("--network", lambda value: value == _network(config)),
        "sources": ("--source", lambda value: sorted(value) == sorted(config["sources"] or ())),
        "epochs": ("--epochs", lambda value: with_epochs(recipe, value) == recipe),
        "phases": ("--phases", lambda value: with_phases(recipe, value) == recipe),
        "batch_size": ("--batch-size", lambda value: value == recipe.batch_size),
        "epoch_images": ("--epoch-images", lambda value: value == recipe.epoch_images),
        "select_images": ("--select-images", lambda value: value == recipe.select_images),
        "settings": ("--set", lambda value: with_settings(recipe, value) == recipe),
        "seed": ("--seed", lambda value: value == config["seed"]),
    }
    for name, (option, is_same) in same.items():
        if name in given and not is_same(given[name]):
            raise Failure(
                f"--resume continues the run as it was begun, and {option} says otherwise: leave it out, or begin "
                "another run"
            )
    state = checkpoint.load(folder.last)
    network, _ = starting_network("random", recipe, _network(config))
    return Run(recipe, network, folder.read_roles(trees), config, state)


def _network(config: dict[str, Any]) -> str:
    """Runs that are older than the choice trained the only network there was."""
    return str(config.get("network", DEFAULT_NETWORK))

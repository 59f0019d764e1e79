"""Recipes: what is trained, in which order, how. Small declarative objects; the loop reads nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from models.contract import IMAGE_SIZE
from models.support.errors import Failure


class RecipeError(Failure):
    """A recipe, or a change to one, makes no sense."""


class Optimizer(StrEnum):
    ADAM = "adam"
    ADAMW = "adamw"


class Schedule(StrEnum):
    """Course of the learning rate within a phase, after its warm-up."""

    CONSTANT = "constant"
    COSINE = "cosine"


class View(StrEnum):
    """How a phase of fewer than 260 pixels sees the law's 260×260 output."""

    RESIZE = "resize"
    """Shrunk as a whole."""
    CROP = "crop"
    """A random square of it at its own scale: keeps the traces of the generator."""


class Balance(StrEnum):
    """Which images make an epoch."""

    NONE = "none"
    """Every fit image once, shuffled."""
    COUPLES = "couples"
    """Couples of one real and one fake of the same source (of the same group where it has both), every source
    as often as the others."""
    SHARES = "shares"
    """The same, but a source comes as often as its share says, and one with a single class gets partners from the
    other sources, of the same look (:mod:`train.datasets.couples`)."""


ALL_LAYERS = ("",)
"""The prefix of every parameter's name."""


@dataclass(frozen=True)
class Phase:
    """One stretch of training with its own optimiser."""

    name: str
    epochs: int
    lr: float
    trainable: tuple[str, ...] = ALL_LAYERS
    """Prefixes of the parameters that learn. Blocks without one stay in eval mode: their BatchNorm statistics
    do not drift."""
    size: int = IMAGE_SIZE
    view: View = View.RESIZE


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, but the data, the seed and the starting weights."""

    name: str
    phases: tuple[Phase, ...]
    optimizer: Optimizer
    schedule: Schedule
    balance: Balance
    shares: Mapping[str, float] = field(default_factory=dict)
    """How often a source comes, relative to the others, where ``balance`` is ``shares``; a source that is not named
    goes by the square root of its size."""
    batch_size: int = 32
    weight_decay: float = 0.0
    warmup_steps: int = 0
    grad_clip: float | None = None
    dropout: float | None = None
    """``None``: torchvision's 0.4."""
    stochastic_depth: float | None = None
    """``None``: torchvision's 0.2."""
    margin: float | None = None
    """Side of the square that is judged, in sides of the face's box (preprocessing version 2), around which training
    draws others; ``None``: the whole picture (version 1)."""
    color_jitter: float = 0.2
    """Brightness, contrast and saturation are each scaled by a factor drawn from 1 ± this."""
    flip: bool = False
    degradations: bool = False
    """Whether fit images pass :func:`train.augmentation.random_degradations.degrade`, after any synthesis."""
    degradation_share: float = 1.0
    """Share of the images that pass it at all; of these, some stay clean (:data:`random_degradations.STACKED`)."""
    views: int | None = None
    """Augmented variants that an image has in all; ``None``: another one each time it comes. With a number, the
    blocks that a phase leaves frozen are computed once per variant (:mod:`train.fitting.feature_cache`)."""
    self_blend: float = 0.0
    """Share of the fakes of an epoch that are made from a real image (:mod:`train.augmentation.self_blend`) instead."""
    same_sharpness: float = 0.0
    """Share of the couples of which the sharper image is made as soft as the other
    (:mod:`train.augmentation.same_sharpness`), before all else."""
    hide_and_seek: float = 0.0
    """Share of the images that have random cells hidden, last of all (:mod:`train.augmentation.hide_and_seek`)."""
    label_smoothing: float = 0.0
    """Targets are pulled towards 0.5 by this share."""
    ema: float | None = None
    """Decay per step of an exponential moving average of the weights, which is then what is judged and kept."""
    select_degraded: bool = False
    """Whether epochs are judged on a degraded copy of the select role, always the same one."""
    wise_ft: bool = False
    """Whether the run ends with a mixture of its starting weights and its best epoch (:mod:`train.fitting.wise_ft`)."""
    compile: bool = False
    """``torch.compile`` for the training steps on CUDA; on a CPU it costs minutes and gains little."""
    epoch_images: int | None = None
    """Length of an epoch in images; ``None``: as many as there are fit images."""
    select_images: int | None = None
    """At most this many select images (as many of each class and source) judge an epoch; ``None``: all."""
    default_init: str = "random"
    """What ``--init`` is when the user does not say."""

    def as_config(self) -> dict[str, Any]:
        """Plain values for the run's config.json and its checkpoints, which hold no classes of ours."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Recipe:
        """The inverse of :meth:`as_config`."""
        phases = tuple(
            Phase(**{**phase, "trainable": tuple(phase["trainable"]), "view": View(phase["view"])})
            for phase in config["phases"]
        )
        enums = {
            "optimizer": Optimizer(config["optimizer"]),
            "schedule": Schedule(config["schedule"]),
            "balance": Balance(config["balance"]),
        }
        return cls(**{**config, **enums, "phases": phases})


TWO_PHASE = Recipe(
    name="two-phase",
    phases=(
        Phase("classifier", epochs=5, lr=1e-3, trainable=("classifier.",)),
        Phase("classifier+block6", epochs=10, lr=5e-4, trainable=("classifier.", "features.6.")),
    ),
    optimizer=Optimizer.ADAM,
    schedule=Schedule.CONSTANT,
    balance=Balance.NONE,
    default_init="imagenet",
)
"""Fine-tuning of pretrained weights. Block 6 is torchvision's ``features.6``, the sixth of the seven MBConv
stages; ``features.7`` and the last convolution ``features.8`` stay frozen."""

SCRATCH = Recipe(
    name="scratch",
    phases=(
        Phase("128", epochs=30, lr=5e-4, size=128, view=View.CROP),
        Phase("192", epochs=10, lr=3e-4, size=192, view=View.CROP),
        Phase("260", epochs=10, lr=2e-4),
    ),
    optimizer=Optimizer.ADAMW,
    schedule=Schedule.COSINE,
    balance=Balance.COUPLES,
    weight_decay=0.05,
    warmup_steps=100,
    grad_clip=1.0,
    dropout=0.0,
    stochastic_depth=0.0,
    flip=True,
    label_smoothing=0.05,
    ema=0.999,
    select_degraded=True,
    compile=True,
)
"""No pretrained weights: every layer learns, from small crops to the whole picture. What is on was measured
(docs/ablation.md); degradations and self-blending are for budgets in which a network learns its images by heart."""

TRANSFER = Recipe(
    name="transfer",
    phases=(
        Phase("160", epochs=5, lr=5e-4, size=160, view=View.CROP),
        Phase("260", epochs=1, lr=1e-4),
    ),
    optimizer=Optimizer.ADAMW,
    schedule=Schedule.COSINE,
    balance=Balance.SHARES,
    weight_decay=0.02,
    warmup_steps=60,
    grad_clip=2.0,
    dropout=0.0,
    stochastic_depth=0.0,
    flip=True,
    label_smoothing=0.05,
    ema=0.998,
    epoch_images=20_000,
    default_init="imagenet",
)
"""All layers learn from features that know the world: crops at the picture's own scale first, whole pictures last."""

RECIPES = {recipe.name: recipe for recipe in (TWO_PHASE, SCRATCH, TRANSFER)}

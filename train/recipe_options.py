"""What the command line changes of a recipe: ``--epochs``, ``--phases``, ``--set``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.contract import IMAGE_SIZE
from train.recipes import ALL_LAYERS, Balance, Phase, Recipe, RecipeError, View


def with_epochs(recipe: Recipe, epochs: str) -> Recipe:
    """``"5,10"``: the epochs of each phase in turn. Raises :class:`RecipeError`."""
    try:
        numbers = [int(number) for number in epochs.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != len(recipe.phases) or min(numbers) < 0:
        names = ",".join(phase.name for phase in recipe.phases)
        raise RecipeError(
            f"--epochs takes {len(recipe.phases)} numbers, one for each phase of {recipe.name}: {names}"
        )
    phases = tuple(replace(phase, epochs=n) for phase, n in zip(recipe.phases, numbers, strict=True))
    return _that_trains(replace(recipe, phases=phases), "--epochs")


def with_phases(recipe: Recipe, phases: str) -> Recipe:
    """``"96x30@5e-4,260x2@1e-4"``: other sizes, epochs and learning rates; all layers train.

    Sizes below 260 see random crops at the picture's own scale. Raises :class:`RecipeError`.
    """
    if any(phase.trainable != ALL_LAYERS for phase in recipe.phases):
        raise RecipeError(f"--phases would undo what {recipe.name} freezes; use --epochs")
    made = []
    for text in phases.split(","):
        try:
            size_text, rest = text.strip().split("x")
            epochs_text, lr_text = rest.split("@")
            size, epochs, lr = int(size_text), int(epochs_text), float(lr_text)
        except ValueError:
            raise RecipeError(f"--phases: {text!r} is not SIZExEPOCHS@LR, such as 96x30@5e-4") from None
        if not 32 <= size <= IMAGE_SIZE or epochs < 0 or not 0 < lr < math.inf:
            raise RecipeError(
                f"--phases: {text!r} needs a size from 32 to {IMAGE_SIZE}, epochs ≥ 0 and a rate > 0"
            )
        view = View.CROP if size < IMAGE_SIZE else View.RESIZE
        made.append(Phase(f"{size}", epochs, lr, size=size, view=view))
    return _that_trains(replace(recipe, phases=tuple(made)), "--phases")


def _that_trains(recipe: Recipe, option: str) -> Recipe:
    if not any(phase.epochs for phase in recipe.phases):
        raise RecipeError(f"{option}: no phase has an epoch, so nothing would be trained")
    return recipe


def _shares(text: str) -> dict[str, float]:
    """``"dfdc:3,ciplab:0.5"``."""
    shares = {}
    for one in text.split(","):
        source, _, share = one.rpartition(":")
        shares[source] = float(share)
        if not source or not 0 <= shares[source] < math.inf:
            raise ValueError(one)
    return shares


SWITCHES: Mapping[str, Callable[[str], Any]] = {
    "shares": _shares,
    "margin": float,
    "weight_decay": float,
    "warmup_steps": int,
    "grad_clip": float,
    "dropout": float,
    "stochastic_depth": float,
    "color_jitter": float,
    "flip": bool,
    "degradations": bool,
    "degradation_share": float,
    "views": int,
    "self_blend": float,
    "hide_and_seek": float,
    "same_sharpness": float,
    "label_smoothing": float,
    "ema": float,
    "select_degraded": bool,
    "wise_ft": bool,
    "compile": bool,
    "balance": Balance,
}
"""Fields that ``--set`` may change, with their types."""

_SHARES = frozenset(
    {
        "color_jitter",
        "dropout",
        "ema",
        "hide_and_seek",
        "label_smoothing",
        "same_sharpness",
        "self_blend",
        "stochastic_depth",
    }
)
_BOOLEANS = {"on": True, "off": False}
_KINDS: Mapping[Any, str] = {
    bool: "on or off",
    int: "a whole number",
    float: "a number",
    _shares: "SOURCE:SHARE, with commas between them",
}


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """``["degradations=on", "ema=0.999"]``: other values of the :data:`SWITCHES`. Raises :class:`RecipeError`."""
    changes: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or name not in SWITCHES:
            raise RecipeError(f"--set {text}: not FIELD=VALUE with a field of {', '.join(SWITCHES)}")
        try:
            changes[name] = _BOOLEANS[value] if SWITCHES[name] is bool else SWITCHES[name](value)
        except (KeyError, ValueError):
            kind = _KINDS.get(SWITCHES[name])
            raise RecipeError(f"--set {text}: {name} takes {kind or ' or '.join(Balance)}") from None
        number = changes[name]
        if name == "views" and number < 1:
            raise RecipeError(f"--set {text}: an image has at least 1 view")
        if isinstance(number, float) and not (0 <= number < 1 if name in _SHARES else 0 <= number < math.inf):
            raise RecipeError(
                f"--set {text}: {name} lies from 0 to {'below 1' if name in _SHARES else 'infinity'}"
            )
    return _coherent(replace(recipe, **changes))


def _coherent(recipe: Recipe) -> Recipe:
    if recipe.same_sharpness and (recipe.balance is Balance.NONE or recipe.views is not None):
        raise RecipeError(
            "--set same_sharpness: its images must come in couples that are made anew each time; "
            "take balance=shares or balance=couples, and no views"
        )
    return recipe

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from models.contract import IMAGE_SIZE
from models.support.errors import ExitCode
from train.recipe_options import with_epochs, with_phases, with_settings
from train.recipes import (
    ALL_LAYERS,
    RECIPES,
    SCRATCH,
    TRANSFER,
    TWO_PHASE,
    Balance,
    Optimizer,
    Recipe,
    RecipeError,
    Schedule,
    View,
)


def test_two_phase_is_the_seeds_recipe() -> None:
    first, second = TWO_PHASE.phases
    assert (first.lr, first.trainable) == (1e-3, ("classifier.",))
    assert (second.lr, second.trainable) == (5e-4, ("classifier.", "features.6."))
    assert (first.size, second.size) == (IMAGE_SIZE, IMAGE_SIZE)
    assert TWO_PHASE.optimizer is Optimizer.ADAM
    assert (TWO_PHASE.schedule, TWO_PHASE.warmup_steps, TWO_PHASE.weight_decay) == (Schedule.CONSTANT, 0, 0.0)
    assert (TWO_PHASE.color_jitter, TWO_PHASE.default_init) == (0.2, "imagenet")


def test_scratch_trains_everything_and_ends_at_the_inputs_size() -> None:
    assert all(phase.trainable == ALL_LAYERS for phase in SCRATCH.phases)
    sizes = [phase.size for phase in SCRATCH.phases]
    assert sizes == sorted(sizes) and sizes[-1] == IMAGE_SIZE
    assert (SCRATCH.default_init, SCRATCH.balance) == ("random", Balance.COUPLES)
    assert (SCRATCH.dropout, SCRATCH.stochastic_depth) == (0.0, 0.0)


@pytest.mark.parametrize("recipe", [*RECIPES.values(), replace(SCRATCH, grad_clip=None, epoch_images=7)])
def test_a_recipe_survives_the_config_file(recipe: Recipe) -> None:
    config = recipe.as_config()
    assert Recipe.from_config(json.loads(json.dumps(config))) == recipe
    plain = (str, int, float, bool, type(None), list, dict)
    assert all(type(value) in plain for value in (*config.values(), *config["phases"][0].values()))


def test_recipes_are_known_by_their_names() -> None:
    assert RECIPES == {"two-phase": TWO_PHASE, "scratch": SCRATCH, "transfer": TRANSFER}


def test_epochs_are_set_phase_by_phase() -> None:
    recipe = with_epochs(TWO_PHASE, "3, 0")
    assert [phase.epochs for phase in recipe.phases] == [3, 0]
    assert [replace(p, epochs=0) for p in recipe.phases] == [replace(p, epochs=0) for p in TWO_PHASE.phases]


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "1,-2", "1,x", "1.5,2", "0,0"])
def test_epochs_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="--epochs") as caught:
        with_epochs(TWO_PHASE, text)
    assert caught.value.exit_code is ExitCode.INCOMPLETE
    assert "\n" not in str(caught.value)


def test_phases_are_set_with_size_epochs_and_rate() -> None:
    small, whole = with_phases(SCRATCH, "96x30@5e-4, 260x2@1e-4").phases
    assert (small.size, small.epochs, small.lr, small.view) == (96, 30, 5e-4, View.CROP)
    assert (whole.size, whole.epochs, whole.lr, whole.view) == (260, 2, 1e-4, View.RESIZE)
    assert small.trainable == whole.trainable == ALL_LAYERS


@pytest.mark.parametrize(
    "text",
    ["", "96", "96x2", "96@1e-3", "x2@1", "96x2@", "31x1@1e-3", "261x1@1e-3", "96x-1@1e-3", "96x1@0",
     "96x1@-1", "96x1@nan", "96x1@inf", "96x0@1e-3", "96x1@1e-3,"],
)  # fmt: skip
def test_phases_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="--phases"):
        with_phases(SCRATCH, text)


def test_phases_cannot_thaw_what_a_recipe_freezes() -> None:
    with pytest.raises(RecipeError, match="use --epochs"):
        with_phases(TWO_PHASE, "96x1@1e-3")


def test_switches_are_set_by_name() -> None:
    changed = with_settings(
        SCRATCH,
        ["degradations=on", "ema=0.999", "warmup_steps=7", "balance=none", "flip=off", "shares=a:3,b:c:0.5"],
    )
    assert changed.shares == {"a": 3.0, "b:c": 0.5}
    assert (changed.degradations, changed.ema, changed.warmup_steps) == (True, 0.999, 7)
    assert (changed.balance, changed.flip) == (Balance.NONE, False)
    assert Recipe.from_config(changed.as_config()) == changed
    assert with_settings(SCRATCH, []) == SCRATCH


@pytest.mark.parametrize(
    "text",
    ["degradations", "degradations=yes", "ema=1", "ema=-0.1", "self_blend=nan", "phases=3", "warmup_steps=1.5",
     "balance=sources", "grad_clip=inf", "shares=dfdc", "shares=a:-1", "shares=:1", "margin=x"],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=f"--set {text}"):
        with_settings(SCRATCH, [text])


@pytest.mark.parametrize("change", ["balance=none", "views=1"])
def test_couples_are_made_alike_only_where_there_are_couples(change: str) -> None:
    assert with_settings(SCRATCH, ["same_sharpness=0.5"]).same_sharpness == 0.5
    with pytest.raises(RecipeError, match="couples"):
        with_settings(SCRATCH, ["same_sharpness=0.5", change])


def test_a_config_from_before_a_switch_existed_still_reads() -> None:
    config = SCRATCH.as_config()
    for name in ("degradations", "self_blend", "ema", "compile"):
        del config[name]
    # What a field's absence means is what the code did before there was one.
    assert Recipe.from_config(config) == replace(SCRATCH, ema=None, compile=False)

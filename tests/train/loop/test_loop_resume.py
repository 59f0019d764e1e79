"""A run that is stopped, cut off or crashes ends as one that was not."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from loop_outcomes import MakeTrainer, after

from train.fitting import checkpoint
from train.fitting.loop import Trainer
from train.recipe_options import with_settings
from train.recipes import Phase, Recipe
from train.run_folder import RunFolder

TIMES = {"images_per_second", "model_images_per_second", "loader_images_per_second"}


def rows_of(folder: RunFolder) -> list[dict[str, str]]:
    with folder.metrics.open(newline="") as stream:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(stream)]


def outcome_of(folder: RunFolder) -> dict[str, Any]:
    """Everything that a run leaves, but how long it took."""
    best, last = checkpoint.load(folder.best), checkpoint.load(folder.last)
    return {
        "best": {name: tensor.tolist() for name, tensor in best["model"].items()},
        "best epoch": best["summary"]["epoch"],
        "last": {name: tensor.tolist() for name, tensor in last["model"].items()},
        "position": last["position"],
        "random": last["random"]["torch"].tolist(),
        "metrics": rows_of(folder),
        "scores": folder.select_scores.read_text(),
        "files": sorted(path.name for path in folder.path.iterdir()),
    }


def test_a_run_leaves_its_files(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer()
    outcome = trainer.run()
    assert (outcome.finished, outcome.epochs_done) == (True, 3)
    assert outcome.best_auc == max(row.select_auc for row in trainer.rows)
    names = sorted(path.name for path in trainer.folder.path.iterdir())
    assert names == ["best.pt", "last.pt", "metrics.csv", "select_scores.csv", "select_sources.csv"]
    rows = rows_of(trainer.folder)
    assert [(row["epoch"], row["phase"], row["size"], row["images"]) for row in rows] == [
        ("1", "32", "32", "8"),
        ("2", "32", "32", "8"),
        ("3", "40", "40", "8"),
    ]
    assert all(math.isfinite(float(row["train_loss"])) for row in rows)


def test_the_same_seed_gives_the_same_run_and_another_another(toy_trainer: MakeTrainer) -> None:
    outcomes = []
    for name, seed in (("one", 9), ("two", 9), ("three", 10)):
        trainer = toy_trainer(name, seed=seed)
        trainer.run()
        outcomes.append(outcome_of(trainer.folder))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["last"] != outcomes[2]["last"]


def interrupted_and_whole(toy_trainer: MakeTrainer, recipe: Recipe, steps: int) -> Trainer:
    """A run stopped after ``steps`` and continued leaves what one leaves that was not; gives the latter."""
    whole = toy_trainer("whole", recipe=recipe)
    whole.run()
    stopped = toy_trainer("stopped", recipe=recipe, should_stop=after(steps))
    assert stopped.run().finished is False
    again = toy_trainer("stopped", recipe=recipe)
    torch.manual_seed(12345)  # a resumed run must not depend on what was drawn before it
    again.resume(checkpoint.load(again.folder.last))
    assert again.run().finished is True
    assert outcome_of(again.folder) == outcome_of(whole.folder)
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("steps", range(1, 8))
def test_a_stopped_run_continues_as_if_it_had_not_stopped(
    toy_trainer: MakeTrainer, toy_recipe: Recipe, steps: int
) -> None:
    interrupted_and_whole(toy_trainer, toy_recipe, steps)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [3, 6])
def test_remembered_features_survive_an_interruption(
    toy_trainer: MakeTrainer, toy_recipe: Recipe, steps: int
) -> None:
    phase = Phase("head", 3, 1e-2, ("classifier.",), size=40)
    recipe = replace(toy_recipe, phases=(phase, toy_recipe.phases[1]), views=2)
    interrupted_and_whole(toy_trainer, recipe, steps)


def test_remembering_features_changes_nothing_but_the_work(
    toy_trainer: MakeTrainer, toy_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = (Phase("head", 3, 1e-2, ("classifier.",), size=40), toy_recipe.phases[1])
    recipe = replace(toy_recipe, phases=phases, views=2)
    remembered = toy_trainer("remembered", recipe=recipe)
    remembered.run()
    # The third epoch's views are those of the first, and the head's features know every image by then.
    made = [row.loader_images_per_second for row in remembered.rows]
    assert made[0] is not None and made[1] is not None and made[2] is None and made[3] is not None
    monkeypatch.setattr("train.fitting.feeding.available_memory", lambda: 1)
    computed = toy_trainer("computed", recipe=recipe)
    computed.run()
    assert all(row.loader_images_per_second is not None for row in computed.rows)
    assert "the frozen blocks are computed in every epoch" in computed.progress.notes[0]
    one, other = (checkpoint.load(run.folder.last)["model"] for run in (remembered, computed))
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [2, 5])
def test_every_switch_survives_an_interruption(
    toy_trainer: MakeTrainer, toy_recipe: Recipe, steps: int
) -> None:
    recipe = with_settings(
        toy_recipe,
        ["ema=0.9", "degradations=on", "self_blend=0.5", "label_smoothing=0.1", "select_degraded=on"],
    )
    whole = interrupted_and_whole(toy_trainer, recipe, steps)
    plain = toy_trainer("plain")
    plain.run()
    assert outcome_of(plain.folder)["last"] != outcome_of(whole.folder)["last"]


def test_a_stop_at_the_very_end_is_a_finish(toy_trainer: MakeTrainer) -> None:
    for questions in (8, 9):
        outcome = toy_trainer(f"run{questions}", should_stop=after(questions)).run()
        assert (outcome.finished, outcome.epochs_done) == (True, 3)


def test_a_finished_run_resumed_stays_as_it_is(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer()
    trainer.run()
    before = outcome_of(trainer.folder)
    again = toy_trainer()
    again.resume(checkpoint.load(again.folder.last))
    outcome = again.run()
    assert (outcome.finished, outcome.epochs_done) == (True, 3)
    assert outcome_of(again.folder) == before


class Crash(BaseException):
    """Like a kill, nothing of ours catches it."""


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int | None, bool], list[str]]]:
    """``crash(n, before)`` ends the program around the n-th renaming of a file; the names are collected."""
    real = Path.replace

    def arm(number: int | None, before: bool) -> list[str]:
        renamed: list[str] = []

        def replace_or_crash(self: Path, target: Path) -> Path:
            renamed.append(Path(target).name)
            if len(renamed) == number and before:
                raise Crash
            result = real(self, target)
            if len(renamed) == number:
                raise Crash
            return result

        monkeypatch.setattr(Path, "replace", replace_or_crash)
        return renamed

    yield arm


@pytest.mark.slow
def test_a_crash_around_any_write_loses_nothing(
    toy_trainer: MakeTrainer, crash: Callable[[int | None, bool], list[str]]
) -> None:
    settings = {"checkpoint_seconds": 0.0}
    written = crash(None, False)
    whole = toy_trainer("whole", **settings)
    whole.run()
    expected = outcome_of(whole.folder)
    writes = len(written)
    assert {"best.pt", "last.pt", "metrics.csv", "select_scores.csv", "select_sources.csv"} == set(written)
    assert writes >= 3 * 4
    # The first checkpoint of all is the one that a run without any is started again for.
    for number in range(2, writes + 1):
        for before in (True, False):
            name = f"crash{number}{before}"
            crash(number, before)
            with pytest.raises(Crash):
                toy_trainer(name, **settings).run()
            crash(None, False)
            again = toy_trainer(name, **settings)
            again.resume(checkpoint.load(again.folder.last))
            again.run()
            assert outcome_of(again.folder) == expected, f"{written[number - 1]}, write {number}, {before=}"


def test_a_run_can_be_resumed_from_its_first_moment(toy_trainer: MakeTrainer) -> None:
    def fail() -> bool:
        raise Crash

    with pytest.raises(Crash):
        toy_trainer(should_stop=fail).run()
    state = checkpoint.load(toy_trainer().folder.last)
    assert (state["position"]["epochs_done"], state["position"]["step"]) == (0, 0)

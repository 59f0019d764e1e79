from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.backbones.backbone import Network
from models.support.errors import ExitCode, ModelFileError
from train.datasets.tree import LabelledImage
from train.fitting import checkpoint
from train.fitting.loop import Trainer, TrainingError, stop_after
from train.fitting.optimizers import learning_rate, new_optimizer
from train.recipe_options import with_settings
from train.recipes import Optimizer, Phase, Recipe, Schedule
from train.run_folder import RunFolder

MakeTrainer = Callable[..., Trainer]
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


def after(steps: int) -> Callable[[], bool]:
    """``should_stop`` that says so from the ``steps``-th time on: asked after each step and each epoch."""
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= steps


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


def test_the_average_is_judged_and_kept_and_frozen_weights_stay(
    toy_trainer: MakeTrainer, toy_recipe: Recipe
) -> None:
    phase = Phase("40", 1, 1e-2, ("classifier.", "features.6."), size=40)
    trainer = toy_trainer(recipe=replace(toy_recipe, phases=(phase,), ema=0.5))
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.run()
    best, last = checkpoint.load(trainer.folder.best)["model"], checkpoint.load(trainer.folder.last)["model"]
    for name, tensor in before.items():
        if name.startswith(phase.trainable):
            continue
        assert torch.equal(best[name], tensor) and torch.equal(last[name], tensor), name
    changed = "features.6.0.weight"
    assert not torch.equal(best[changed], last[changed]) and not torch.equal(best[changed], before[changed])


def test_smoothing_pulls_the_targets_towards_one_half(
    toy_trainer: MakeTrainer,
    toy_images: list[LabelledImage],
    toy_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer = toy_trainer(recipe=replace(toy_recipe, label_smoothing=0.2))
    seen: list[torch.Tensor] = []
    loss = torch.nn.BCEWithLogitsLoss()
    monkeypatch.setattr(
        trainer, "_loss", lambda logits, targets: (seen.append(targets), loss(logits, targets))[1]
    )
    trainer.run()
    assert sorted(set(torch.cat(seen).tolist())) == pytest.approx([0.1, 0.9])


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


def with_aucs(trainer: Trainer, monkeypatch: pytest.MonkeyPatch, scores: list[list[float]]) -> None:
    answers = iter(scores)
    labels = np.array([image.label for image in trainer.select], np.int64)
    monkeypatch.setattr(trainer, "predict", lambda images, **_: (labels, np.array(next(answers))))


def test_best_is_the_first_epoch_of_the_highest_select_auc(
    toy_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = toy_trainer()
    # Real, fake, real, fake: AUC 0.75, 1.0, 1.0.
    with_aucs(trainer, monkeypatch, [[0, 1, 2, 3], [0, 3, 1, 2], [-9, 9, -9, 9]])
    outcome = trainer.run()
    assert [row.select_auc for row in trainer.rows] == [0.75, 1.0, 1.0]
    assert outcome.best_auc == 1.0
    best = checkpoint.load(trainer.folder.best)
    assert (best["summary"]["epoch"], best["summary"]["select_auc"]) == (2, 1.0)
    assert best["summary"]["seed"] == 9
    labels, probabilities = trainer.folder.read_select_scores()
    assert labels.tolist() == [0, 1, 0, 1]
    assert probabilities == pytest.approx(1 / (1 + np.exp(-np.array([0, 3, 1, 2]))), abs=1e-6)


def test_an_epoch_that_is_not_better_leaves_best_alone(
    toy_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = toy_trainer()
    with_aucs(trainer, monkeypatch, [[0, 1, 0, 1], [3, 2, 1, 0], [0, 0, 0, 0]])
    trainer.run()
    best, last = checkpoint.load(trainer.folder.best), checkpoint.load(trainer.folder.last)
    assert best["summary"]["epoch"] == 1
    assert not torch.equal(best["model"]["classifier.1.bias"], last["model"]["classifier.1.bias"])


def test_a_loss_that_is_no_number_is_a_failure_that_keeps_the_checkpoint(
    toy_trainer: MakeTrainer, toy_recipe: Recipe
) -> None:
    recipe = replace(toy_recipe, phases=(Phase("32", 3, 1e30, size=32),), warmup_steps=0, grad_clip=None)
    trainer = toy_trainer(recipe=recipe)
    with pytest.raises(TrainingError, match="lower learning rate") as caught:
        trainer.run()
    assert caught.value.exit_code is ExitCode.INCOMPLETE
    assert "\n" not in str(caught.value)
    kept = checkpoint.load(trainer.folder.last)
    assert all(torch.isfinite(tensor).all() for tensor in kept["model"].values())


def test_logits_that_are_no_numbers_are_a_failure(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer()
    with torch.no_grad():
        trainer.network.classifier[1].bias.fill_(math.nan)
    with pytest.raises(TrainingError, match="not a number"):
        trainer.predict(trainer.select)


def test_a_checkpoint_of_another_kind_cannot_be_resumed(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer()
    trainer.run()
    with pytest.raises(ModelFileError, match="optimizer, position, random, rows"):
        toy_trainer("other").resume(checkpoint.load(trainer.folder.best))


def test_each_phase_has_an_optimiser_of_its_trainable_parameters(
    toy_trainer: MakeTrainer, toy_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[torch.optim.Optimizer] = []

    def remember(network: Network, recipe: Recipe, phase: Phase) -> torch.optim.Optimizer:
        made.append(new_optimizer(network, recipe, phase))
        return made[-1]

    monkeypatch.setattr("train.fitting.loop.new_optimizer", remember)
    trainer = toy_trainer(recipe=replace(toy_recipe, optimizer=Optimizer.ADAM))
    trainer.run()
    assert len(made) == 2

    def names(optimizer: torch.optim.Optimizer) -> set[str]:
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return {name for name, p in trainer.network.named_parameters() if id(p) in held}

    everything = {name for name, _ in trainer.network.named_parameters()}
    assert names(made[0]) == everything
    assert names(made[1]) == {n for n in everything if n.startswith(("classifier.", "features.6."))}
    assert all(type(optimizer) is torch.optim.Adam for optimizer in made)


def test_decay_is_for_weights_only(toy_trainer: MakeTrainer, toy_recipe: Recipe) -> None:
    trainer = toy_trainer()
    optimizer = new_optimizer(trainer.network, toy_recipe, toy_recipe.phases[0])
    assert type(optimizer) is torch.optim.AdamW
    decayed, plain = optimizer.param_groups
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.05, 0.0)
    assert all(p.ndim > 1 for p in decayed["params"]) and all(p.ndim == 1 for p in plain["params"])
    assert len(decayed["params"]) + len(plain["params"]) == len(list(trainer.network.parameters()))


def test_what_is_frozen_in_the_last_phase_does_not_move(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer(should_stop=after(6))
    assert trainer.run().epochs_done == 2
    trainer.should_stop = lambda: False
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.run()
    now = trainer.network.state_dict()
    moved = {name for name in before if not torch.equal(before[name], now[name])}
    assert moved and all(name.startswith(("classifier.", "features.6.")) for name in moved)
    assert "features.6.1.running_mean" in moved


def test_predict_is_in_eval_mode_and_in_order(
    toy_trainer: MakeTrainer, toy_images: list[LabelledImage]
) -> None:
    trainer = toy_trainer()
    trainer.network.train()
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    labels, logits = trainer.predict(toy_images)
    assert labels.tolist() == [int(image.label) for image in toy_images]
    assert logits.shape == (8,) and logits.dtype == np.float64
    one_by_one = [float(trainer.predict([image])[1][0]) for image in toy_images]
    assert logits == pytest.approx(one_by_one, abs=1e-5)
    assert all(torch.equal(before[name], now) for name, now in trainer.network.state_dict().items())


def test_pixels_reach_the_network_normalised(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer()
    seen: list[torch.Tensor] = []
    trainer.network.features.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    trainer.predict(trainer.select[:1])
    pixels = trainer.select[0]
    from models.preprocessing import preprocess

    expected = preprocess(pixels.path.read_bytes())[0].astype(np.float64).transpose(2, 0, 1) / 255
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(
        seen[0][0].numpy(), (expected - mean[:, None, None]) / std[:, None, None], atol=1e-5
    )


def test_the_rate_warms_up_and_then_falls_by_half_a_cosine(toy_recipe: Recipe) -> None:
    recipe, phase = replace(toy_recipe, warmup_steps=4), Phase("x", 1, 1.0)
    rates = [learning_rate(recipe, phase, step, 12) for step in range(12)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0 and rates[8] == pytest.approx(0.5)
    assert sorted(rates[4:], reverse=True) == rates[4:] and rates[-1] > 0


def test_the_warm_up_takes_at_most_half_of_a_phase(toy_recipe: Recipe) -> None:
    recipe = replace(toy_recipe, warmup_steps=100)
    assert learning_rate(recipe, Phase("x", 1, 1.0), 2, 6) == 1.0
    assert learning_rate(recipe, Phase("x", 1, 1.0), 0, 1) == 1.0


def test_a_constant_rate_stays(toy_recipe: Recipe) -> None:
    recipe = replace(toy_recipe, warmup_steps=0, schedule=Schedule.CONSTANT)
    assert {learning_rate(recipe, Phase("x", 1, 5e-4), step, 9) for step in range(9)} == {5e-4}


def test_metrics_say_the_rate_of_the_last_step(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer()
    trainer.run()
    recipe = trainer.recipe
    first, second = recipe.phases
    assert [row.lr for row in trainer.rows] == [
        learning_rate(recipe, first, 1, 4),
        learning_rate(recipe, first, 3, 4),
        learning_rate(recipe, second, 1, 2),
    ]


def test_the_time_limit_and_signals_ask_for_a_stop() -> None:
    assert stop_after(None, lambda: False)() is False
    assert stop_after(None, lambda: True)() is True
    assert stop_after(60, lambda: False)() is False
    assert stop_after(0, lambda: False)() is True


def test_the_summary_is_in_both_checkpoints(toy_trainer: MakeTrainer) -> None:
    trainer = toy_trainer()
    trainer.run()
    for file in (trainer.folder.best, trainer.folder.last):
        content = checkpoint.load(file)
        assert content["positive"] == "fake"
        assert content["summary"]["recipe"] == "toy"
    assert checkpoint.load(trainer.folder.last)["rows"] == [asdict(row) for row in trainer.rows]

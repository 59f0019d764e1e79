"""A step: optimiser, decay, frozen blocks, rates, summary."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from loop_outcomes import MakeTrainer, after

from models.backbones.backbone import Network
from train.datasets.tree import LabelledImage
from train.fitting import checkpoint
from train.fitting.loop import stop_after
from train.fitting.optimizers import learning_rate, new_optimizer
from train.recipes import Optimizer, Phase, Recipe, Schedule


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

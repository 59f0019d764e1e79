"""Which epoch is the best, and what is no number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from loop_outcomes import MakeTrainer

from models.support.errors import ExitCode, ModelFileError
from train.datasets.tree import LabelledImage
from train.fitting import checkpoint
from train.fitting.loop import Trainer, TrainingError
from train.recipes import Phase, Recipe


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

"""The end of a run: the bias is put right on the calibrate role, once, in the checkpoint that ships."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from models.network import read_state_dict
from train.datasets.tree import LabelledImage
from train.fitting import checkpoint
from train.fitting.bias import CLASSIFIER_BIAS, correct_bias, fit_bias
from train.fitting.loop import Trainer
from train.fitting.temperature import fit_temperature, log_loss

MakeTrainer = Callable[..., Trainer]


def drawn(count: int, temperature: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels of calibrated logits, and those logits as a network says them that is off by both."""
    rng = np.random.default_rng(3)
    true = rng.normal(scale=2.0, size=count)
    labels = (rng.random(count) < 1 / (1 + np.exp(-true))).astype(np.int64)
    return labels, true * temperature - shift


@pytest.mark.parametrize("shift", [-1.5, 0.0, 0.7])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_shift_that_was_made_is_found(temperature: float, shift: float) -> None:
    labels, logits = drawn(20_000, temperature, shift)
    assert fit_bias(labels, logits) == pytest.approx(shift, abs=0.1 * max(1.0, temperature))


def test_with_the_shift_the_calibrated_loss_is_lower_than_by_a_temperature_alone() -> None:
    labels, logits = drawn(2_000, 1.3, 0.7)
    moved = logits + fit_bias(labels, logits)
    alone = log_loss(labels, logits / fit_temperature(labels, logits))
    assert log_loss(labels, moved / fit_temperature(labels, moved)) < alone - 0.005


def test_a_perfectly_separated_role_gets_a_finite_shift_between_its_classes() -> None:
    labels, logits = np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 4.0, 5.0])
    assert -4.0 < fit_bias(labels, logits) < -2.0


def test_the_best_checkpoint_is_moved_once_and_ranks_as_before(
    toy_trainer: MakeTrainer, toy_images: list[LabelledImage]
) -> None:
    trainer = toy_trainer()
    trainer.run()
    before = read_state_dict(trainer.folder.best)
    scores = trainer.folder.read_select_scores()
    shift = correct_bias(trainer, toy_images)
    after: dict[str, Any] = checkpoint.load(trainer.folder.best)
    assert after["summary"]["logit_bias"] == shift != 0
    changed = [name for name, tensor in after["model"].items() if not torch.equal(tensor, before[name])]
    assert changed == [CLASSIFIER_BIAS]
    assert torch.allclose(after["model"][CLASSIFIER_BIAS], before[CLASSIFIER_BIAS] + shift)
    labels, moved = trainer.folder.read_select_scores()
    # Ranks stay, but for those of scores that are nearer to each other than two roundings of six decimals.
    assert (labels == scores[0]).all() and np.ptp(moved - scores[1]) < 1.5e-6
    assert np.sign(moved - scores[1]).tolist() == [np.sign(shift)] * len(moved)

    digest = trainer.folder.best.read_bytes()
    assert correct_bias(trainer, toy_images) == shift
    assert trainer.folder.best.read_bytes() == digest

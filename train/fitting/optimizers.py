"""A phase's optimiser and the course of its learning rate."""

from __future__ import annotations

import math

import torch

from models.backbones.backbone import Network
from train.fitting import freezing
from train.recipes import Optimizer, Phase, Recipe, Schedule


def new_optimizer(network: Network, recipe: Recipe, phase: Phase) -> torch.optim.Optimizer:
    """An optimiser of what ``phase`` trains; the other parameters no longer ask for gradients."""
    trainable = freezing.prepare(network, phase)
    if recipe.optimizer is Optimizer.ADAM:
        return torch.optim.Adam(trainable, lr=phase.lr, weight_decay=recipe.weight_decay)
    # Decay is for weights; on BatchNorm and biases (one dimension) it only fights the data.
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=phase.lr)


def learning_rate(recipe: Recipe, phase: Phase, step: int, steps: int) -> float:
    """The rate at ``step`` of a phase of ``steps``: linear warm-up, then constant or half a cosine to zero."""
    warmup = min(recipe.warmup_steps, steps // 2)
    if step < warmup:
        return phase.lr * (step + 1) / warmup
    if recipe.schedule is Schedule.CONSTANT:
        return phase.lr
    return phase.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

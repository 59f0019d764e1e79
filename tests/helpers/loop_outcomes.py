"""What the tests of loop outcomes share."""

from __future__ import annotations

from collections.abc import Callable

from train.fitting.loop import Trainer

MakeTrainer = Callable[..., Trainer]


def after(steps: int) -> Callable[[], bool]:
    """``should_stop`` that says so from the ``steps``-th time on: asked after each step and each epoch."""
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= steps

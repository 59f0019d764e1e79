"""What an evaluation may measure beyond one set of scores."""

from __future__ import annotations

from dataclasses import dataclass

from train.evaluation.comparison import Comparison
from train.evaluation.robustness import Condition
from train.evaluation.shortcuts import Probe
from train.evaluation.subject import Subject


@dataclass(frozen=True)
class Extras:
    """Empty where it was not asked for."""

    robustness: tuple[Condition, ...] = ()
    """The clean condition first."""
    probe: Probe | None = None
    comparison: Comparison | None = None
    other: Subject | None = None
    """The model of ``comparison``."""


NO_EXTRAS = Extras()

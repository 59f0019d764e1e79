"""What an evaluation may say beyond one set of scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from train.datasets.manifests import Join
from train.evaluation.comparison import Comparison
from train.evaluation.robustness import Condition
from train.evaluation.sharpness import Sharpness
from train.evaluation.shortcuts import Probe
from train.evaluation.subject import Subject


@dataclass(frozen=True)
class Extras:
    """Empty where it was not asked for."""

    robustness: tuple[Condition, ...] = ()
    """The clean condition first."""
    probe: Probe | None = None
    sharpness: Sharpness | None = None
    comparison: Comparison | None = None
    other: Subject | None = None
    """The model of ``comparison``."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Things below the class folders that are no images, by reason."""
    join: Join | None = None
    """Of the images with their labels."""


NO_EXTRAS = Extras()

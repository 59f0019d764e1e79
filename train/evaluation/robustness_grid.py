"""The robustness grid: what happens to pictures on their way to a scanner, one condition each.

They are applied to the decoded picture at its own size, before the preprocessing law brings it to 260×260.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from train.augmentation.degradations import Step, blur, grey, jpeg, noise, shrink


@dataclass(frozen=True)
class Degradation:
    """One condition of the robustness grid."""

    name: str
    apply: Step


GRID: tuple[Degradation, ...] = (
    *(Degradation(f"JPEG q{quality}", partial(jpeg, quality=quality)) for quality in (95, 75, 50, 30)),
    *(Degradation(f"resize ×{factor:g}", partial(shrink, factor=factor)) for factor in (0.75, 0.5, 0.25)),
    *(Degradation(f"blur σ {sigma}", partial(blur, sigma=sigma)) for sigma in (1, 2)),
    *(Degradation(f"noise σ {sigma}/255", partial(noise, sigma=sigma)) for sigma in (5, 10)),
    Degradation("grey", grey),
)
"""The robustness grid of ``scan-evaluate --robustness``, in the order of its table."""

"""The exact interval of a rate that was counted, where each thing stands for itself."""

from __future__ import annotations

from scipy.stats import binomtest

from train.evaluation.bootstrap import LEVEL


def clopper_pearson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of ``hits`` of ``total`` (Clopper and Pearson, *Biometrika* 26, 1934)."""
    interval = binomtest(hits, total).proportion_ci(LEVEL, method="exact")
    return float(interval.low), float(interval.high)

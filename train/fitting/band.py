"""Where the inconclusive band begins: how likely a fake is to be called real, as a bound that holds with confidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.calibration import Band
from train.fitting.thresholds import Float64s

MISSED_BELOW_BAND = 0.05
"""At most this share of the fakes lies below the band …"""
CONFIDENCE = 0.95
"""… with this confidence. It takes 59 fakes to say so of any value; with fewer the band begins at 0."""


def band(fakes: Mapping[str, Float64s], threshold: float) -> Band:
    """The highest beginning up to ``threshold`` that keeps the bound on the fakes under each condition, by its name.

    The bound is the one-sided upper limit of Clopper and Pearson (*Biometrika* 26, 1934) for the share of fakes below.
    """
    lows = {name: _highest(probs) for name, probs in fakes.items()}
    under = min(lows, key=lambda name: lows[name])
    low = min(lows[under], threshold)
    below = int((fakes[under] < low).sum())
    return Band(
        low=low,
        missed=MISSED_BELOW_BAND,
        confidence=CONFIDENCE,
        below=below,
        fakes=len(fakes[under]),
        under=under,
    )


def upper_limits(count: int) -> Float64s:
    """The upper limits of the share, float[count], where 0, 1, … ``count`` - 1 of ``count`` were seen."""
    from scipy.special import betaincinv

    seen = np.arange(count)
    limits: Float64s = np.asarray(betaincinv(seen + 1, count - seen, CONFIDENCE), dtype=np.float64)
    return limits


def _highest(probs: Float64s) -> float:
    # With ``below`` fakes strictly under it, the next one is where the band may begin.
    allowed = int(np.searchsorted(upper_limits(len(probs)), MISSED_BELOW_BAND, side="right"))
    return float(np.sort(probs)[allowed - 1]) if allowed else 0.0

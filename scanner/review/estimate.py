"""What a reviewed sample says about the whole folder, with 95 % intervals.

Points are the stratified estimator (Cochran, *Sampling Techniques*, 3rd ed. 1977, chapter 5): the share of fakes in
each stratum's sample stands for the stratum. Intervals are Clopper and Pearson's (*Biometrika* 26, 1934) where there is
one stratum. Sums and ratios over several join the confidence distributions of their limits by simulation, the lower
ones for what lowers a figure and the upper ones for what raises it (melding: Fay, Proschan and Brittain, *Biometrics*
71, 2015), which errs on the wide side. No count leaves what the review has already shown to be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Draws = npt.NDArray[np.float64]

LEVEL = 0.95
DRAWS = 20_000


@dataclass(frozen=True)
class Counts:
    """Of one stratum."""

    flagged: bool
    size: int
    """Contents in the folder."""
    fake: int
    """Of those reviewed; so are the next two."""
    not_fake: int
    unsure: int = 0

    @property
    def decided(self) -> int:
        return self.fake + self.not_fake


@dataclass(frozen=True)
class Figure:
    """A number of contents, or a rate."""

    value: float | None
    """``None`` where nothing tells: no such picture, or a stratum without a decision."""
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """Of a folder, in contents."""

    fakes: Figure
    """How many there are."""
    missed: Figure
    """How many of them were not flagged."""
    precision: Figure
    """Share of the flagged that are fake."""
    false_omission: Figure
    """Share of those that were not flagged that are fake."""
    recall: Figure
    """Share of the fakes that are flagged (TPR)."""
    fpr: Figure
    """Share of the others that are flagged."""


@dataclass(frozen=True)
class _Side:
    """The flagged strata, or the others: fakes among ``size`` contents."""

    size: int
    value: float | None
    low: Draws
    high: Draws


def estimate(strata: Sequence[Counts], seed: int) -> Estimate:
    """``seed``: of the simulation, so that the same decisions give the same digits.

    What reviewers were unsure about is in no point; the lower limits take it for not fake and the upper ones for fake.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    flagged = _side([one for one in strata if one.flagged], rng)
    others = _side([one for one in strata if not one.flagged], rng)
    f, o = flagged, others
    both = None if f.value is None or o.value is None else f.value + o.value
    everything = f.size + o.size
    real = None if both is None else everything - both
    return Estimate(
        fakes=_figure(both, f.low + o.low, f.high + o.high),
        missed=_figure(o.value, o.low, o.high),
        precision=_figure(_ratio(f.value, f.size), _ratios(f.low, f.size), _ratios(f.high, f.size)),
        false_omission=_figure(_ratio(o.value, o.size), _ratios(o.low, o.size), _ratios(o.high, o.size)),
        recall=_figure(
            _ratio(f.value, both), _ratios(f.low, f.low + o.high), _ratios(f.high, f.high + o.low)
        ),
        fpr=_figure(
            _ratio(None if f.value is None else f.size - f.value, real),
            _ratios(f.size - f.high, everything - f.high - o.low),
            _ratios(f.size - f.low, everything - f.low - o.high),
        ),
    )


def _side(strata: Sequence[Counts], rng: np.random.Generator) -> _Side:
    import numpy as np

    low, high = np.zeros(DRAWS), np.zeros(DRAWS)
    value: float | None = 0.0
    for one in strata:
        low += _limit(one.size, one.fake, one.not_fake + one.unsure, rng, upper=False)
        high += _limit(one.size, one.fake + one.unsure, one.not_fake, rng, upper=True)
        value = None if value is None or not one.decided else value + one.size * one.fake / one.decided
    return _Side(sum(one.size for one in strata), value, low, high)


def _limit(size: int, fake: int, not_fake: int, rng: np.random.Generator, *, upper: bool) -> Draws:
    """Draws from the confidence distribution of one of Clopper and Pearson's limits, as a number of contents."""
    import numpy as np

    a, b = (fake + 1, not_fake) if upper else (fake, not_fake + 1)
    share = np.zeros(DRAWS) if a == 0 else np.ones(DRAWS) if b == 0 else rng.beta(a, b, DRAWS)
    return np.clip(size * share, fake, size - not_fake)


def _figure(value: float | None, low: Draws, high: Draws) -> Figure:
    import numpy as np

    tail = (1 - LEVEL) / 2
    ends = float(np.quantile(low, tail)), float(np.quantile(high, 1 - tail))
    # Of a folder that was reviewed whole, the simulation's ends are the value, up to rounding.
    return Figure(value, *ends) if value is None else Figure(value, min(ends[0], value), max(ends[1], value))


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _ratios(part: Draws | float, whole: Draws | float) -> Draws:
    """Nothing of nothing may be any share; it is 0 in a lower and in an upper limit, and has no value."""
    import numpy as np

    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)

"""From probabilities of real images to thresholds: of whom they are, and how many faces a picture has.

No torch, no files: numbers in, numbers out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.contract import PROB_DECIMALS, Label

MIN_REALS = 200
"""A group with fewer real images sets no threshold: 5 % of 66 pictures, chosen on them, were 12.6 % on others."""
MOST_FACES = 16
"""Thresholds are chosen for pictures of up to so many faces; the last one holds for any more."""

Float64s = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Reals:
    """Real images that a rate is to be kept on, with their printed probabilities."""

    name: str
    probs: Float64s

    @property
    def words(self) -> str:
        """For a threshold's ``data``."""
        return f"{self.name} ({len(self.probs)})"


def groups_of_reals(labels: Ints, sources: Sequence[str | None], probs: Float64s) -> list[Reals]:
    """Every real image in one group at least, each of at least :data:`MIN_REALS` where there are that many in all.

    Sources with that many stand alone. The smaller ones stand together; where they are too few for that, the next
    larger sources join them, one after the other, so that theirs is still the largest share that can be had.
    """
    real = labels == Label.REAL
    names = np.array([source or "" for source in sources])
    masks = {str(name): real & (names == name) for name in np.unique(names[real])}
    by_size = sorted(masks, key=lambda name: (int(masks[name].sum()), name))
    small = [name for name in by_size if masks[name].sum() < MIN_REALS]
    large = by_size[len(small) :]
    groups = [[name] for name in sorted(large)]
    if small:
        pool, others = list(small), list(large)
        while others and sum(int(masks[name].sum()) for name in pool) < MIN_REALS:
            pool.append(others.pop(0))
        groups.append(pool)
    return [
        Reals(
            "all real images"
            if len(group) == len(masks)
            else ", ".join(name or "no source" for name in group),
            probs[np.logical_or.reduce([masks[name] for name in group])],
        )
        for group in groups
    ]


def rate_of_one(rate: float, faces: int) -> float:
    """The rate at which each of several independent faces may be flagged, so that a picture is at ``rate``.

    Šidák, *Rectangular confidence regions for the means of multivariate normal distributions*, 1967.
    """
    return -math.expm1(math.log1p(-rate) / faces)


def threshold_for(real_probs: Float64s, rate: float) -> float:
    """The smallest printed probability from which on at most ``rate`` of the real images are flagged.

    Never above 1: where that many reals score 1.000000, the rate cannot be kept (the threshold's own ``fpr``
    says what it is).
    """
    falling = np.sort(real_probs)[::-1]
    allowed = int(rate * len(falling) + 1e-9)
    return float(min(1.0, round(float(falling[allowed]) + 10**-PROB_DECIMALS, PROB_DECIMALS)))


def strictest(groups: Sequence[Reals], rate: float) -> tuple[float, Reals]:
    """The threshold that keeps ``rate`` on each group, and the group that needs it; of equals, the first."""
    values = [threshold_for(group.probs, rate) for group in groups]
    highest = int(np.argmax(values))
    return values[highest], groups[highest]


def by_faces(groups: Sequence[Reals], rate: float) -> Iterator[float]:
    """The thresholds for pictures of 1, 2, … :data:`MOST_FACES` faces; none is below the one before it.

    With fewer real images than one in the rate of a face (312 for 16 faces at 5 %, 1,592 at 1 %) it stands just
    above the highest of them.
    """
    for faces in range(1, MOST_FACES + 1):
        yield strictest(groups, rate_of_one(rate, faces))[0]

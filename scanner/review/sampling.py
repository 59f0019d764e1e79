"""A sample over the score's whole range, from which the folder can be estimated.

Strata are tenths of ``prob_fake``, divided where the report's verdict divides them. Sizes follow the square root of
the strata's (power allocation with q = 1/2: Bankier, *The American Statistician* 42, 1988), between equal sizes, which
are good for the few flagged pictures, and proportional ones, which are good for the many others.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.contract import PROB_DECIMALS
from scanner.review.index import Index, ReviewError
from scanner.review.order import shuffled

if TYPE_CHECKING:
    from scanner.review.order import Numbers

BINS = 10
LEAST = 2
"""Of a stratum that has as many."""


@dataclass(frozen=True)
class Stratum:
    """Contents of one tenth of the score, flagged or not."""

    low: float
    """``prob_fake`` from here up to ``low`` + 0.1."""
    flagged: bool
    size: int
    drawn: tuple[int, ...]
    """Row numbers, in the order in which they were drawn: each beginning of them is a random sample, too."""


@dataclass(frozen=True)
class Sample:
    """What was drawn."""

    seed: int
    strata: tuple[Stratum, ...]

    @property
    def size(self) -> int:
        return sum(len(stratum.drawn) for stratum in self.strata)


def draw(index: Index, firsts: Numbers, size: int, seed: int) -> Sample:
    """``size`` contents, or all where there are fewer. Raises :class:`ReviewError` for too few to draw from each."""
    import numpy as np

    if not len(firsts):
        raise ReviewError(f"{index.path} has no scored picture to draw from")
    bins = np.minimum(BINS - 1, index.scores()[firsts].astype(np.int64) * BINS // 10**PROB_DECIMALS)
    keys = bins * 2 + index.flags()[firsts]
    groups = {int(key): firsts[keys == key] for key in np.unique(keys)}
    sizes = allocate([len(group) for group in groups.values()], size)
    strata = []
    for (key, group), wanted in zip(groups.items(), sizes, strict=True):
        drawn = tuple(int(number) for number in shuffled(index, group, seed)[:wanted])
        strata.append(Stratum(key // 2 / BINS, bool(key % 2), len(group), drawn))
    return Sample(seed, tuple(strata))


def allocate(sizes: Sequence[int], total: int) -> list[int]:
    """How many to draw from each stratum, ``total`` in all, or everything. Raises :class:`ReviewError`."""
    given = [min(LEAST, size) for size in sizes]
    if total < sum(given):
        raise ReviewError(
            f"--sample {total} is too small: {sum(given)} are needed for {LEAST} from each of {len(sizes)} strata"
        )
    # The next one always to the stratum whose share is the furthest behind (Webster's rule).
    waiting = [(_rank(size, n), place) for place, (size, n) in enumerate(zip(sizes, given, strict=True))]
    heapq.heapify(waiting)
    for _ in range(min(total, sum(sizes)) - sum(given)):
        place = heapq.heappop(waiting)[1]
        given[place] += 1
        heapq.heappush(waiting, (_rank(sizes[place], given[place]), place))
    return given


def _rank(size: int, given: int) -> float:
    """The lowest is next; a stratum that is drawn whole is out."""
    return math.inf if given >= size else -math.sqrt(size) / (2 * given + 1)

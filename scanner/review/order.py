"""In which order pictures come: the most suspicious first, or shuffled, where the order must not tell the score."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from scanner.review.index import Index

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.uint32]


def most_suspicious(index: Index, firsts: Numbers) -> Numbers:
    """By falling ``prob_fake``; of equals, those that came first in the report."""
    import numpy as np

    return firsts[np.argsort(-index.scores()[firsts], kind="stable")]


def shuffled(index: Index, firsts: Numbers, seed: int) -> Numbers:
    """By :func:`ticket`: no order of the report, and the same for everybody who knows the seed."""
    import numpy as np

    tickets = np.empty(len(firsts), np.uint64)
    for place, number in enumerate(firsts):
        tickets[place] = int.from_bytes(ticket(index.digest(int(number)), seed)[:8], "big")
    return firsts[np.argsort(tickets, kind="stable")]


def ticket(digest: bytes, seed: int) -> bytes:
    """What decides a content's place in the shuffle, and whether it is drawn: SHA-256 of seed and content.

    No generator of random numbers, so that anybody can draw again, in any language.
    """
    return hashlib.sha256(b"%d:" % seed + digest).digest()

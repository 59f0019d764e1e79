"""Which images make an epoch, in which order: a pure function of the seed and the epoch's number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from models.contract import Label
from train.datasets.couples import equal_couples, shared_couples
from train.datasets.tree import LabelledImage
from train.recipes import Balance, Recipe


def epoch_order(images: Sequence[LabelledImage], recipe: Recipe, *, seed: int, epoch: int) -> list[int]:
    """Indices into ``images`` for one epoch; ``epoch`` counts through all phases.

    The last batch may be smaller, but never holds one image alone: BatchNorm cannot train on that.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    length = recipe.epoch_images or len(images)
    if recipe.balance is Balance.COUPLES:
        order = equal_couples(images, max(1, length // 2), rng)
    elif recipe.balance is Balance.SHARES:
        order = shared_couples(images, recipe.shares, max(1, length // 2), rng)
    else:
        decks = -(-length // len(images))
        order = [int(i) for _ in range(decks) for i in rng.permutation(len(images))][:length]
    if len(order) > 1 and len(order) % recipe.batch_size == 1:
        order.pop()
    return order


def balanced_subset(images: Sequence[LabelledImage], limit: int | None) -> list[LabelledImage]:
    """At most ``limit`` images, as equally as possible from every source and class, always the same ones."""
    if limit is None or len(images) <= limit:
        return list(images)
    cells: dict[tuple[str | None, Label], list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        cells[image.source, image.label].append(index)
    rng = np.random.default_rng(0)
    shuffled = {
        key: [cell[i] for i in rng.permutation(len(cell))] for key, cell in sorted(cells.items(), key=str)
    }
    # Classes take turns, so that even the shortest list has both.
    by_label = [[deck for key, deck in shuffled.items() if key[1] is label] for label in reversed(Label)]
    decks = [deck for turn in zip_longest(*by_label) for deck in turn if deck is not None]
    kept: list[int] = []
    depth = 0
    while len(kept) < limit:
        kept += [deck[depth] for deck in decks if depth < len(deck)]
        depth += 1
    return [images[i] for i in sorted(kept[:limit])]

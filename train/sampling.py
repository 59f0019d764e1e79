"""Which images make an epoch, in which order: a pure function of the seed and the epoch's number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from models.contract import Label
from train.data import LabelledImage
from train.recipes import Balance, Recipe


def epoch_order(images: Sequence[LabelledImage], recipe: Recipe, *, seed: int, epoch: int) -> list[int]:
    """Indices into ``images`` for one epoch; ``epoch`` counts through all phases.

    The last batch may be smaller, but never holds one image alone: BatchNorm cannot train on that.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    length = recipe.epoch_images or len(images)
    if recipe.balance is Balance.COUPLES:
        order = _couples(images, max(1, length // 2), rng)
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


class _Deck:
    """Draws every index once before any comes again."""

    def __init__(self, indices: Sequence[int], rng: np.random.Generator) -> None:
        self._indices, self._rng = np.asarray(indices), rng
        self._left: list[int] = []

    def draw(self) -> int:
        if not self._left:
            self._left = [int(i) for i in self._rng.permutation(self._indices)]
        return self._left.pop()


def _couples(images: Sequence[LabelledImage], couples: int, rng: np.random.Generator) -> list[int]:
    classes_of: dict[str, set[Label]] = defaultdict(set)
    for image in images:
        classes_of[image.source or ""].add(image.label)
    # A source with one class only would teach its origin, not the manipulation.
    sources = sorted(source for source, classes in classes_of.items() if len(classes) == len(Label))
    apart = bool(sources)
    sources = sources or [""]
    cells: dict[tuple[str, Label], list[int]] = defaultdict(list)
    reals_of: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        source = (image.source or "") if apart else ""
        cells[source, image.label].append(index)
        if image.group is not None and image.label is Label.REAL:
            reals_of[source, image.group].append(index)
    decks = {(s, label): _Deck(cells[s, label], rng) for s in sources for label in Label}
    order: list[int] = []
    for number in range(couples):
        source = sources[number % len(sources)]
        fake = decks[source, Label.FAKE].draw()
        partners = reals_of.get((source, images[fake].group or ""), [])
        real = int(rng.choice(partners)) if partners else decks[source, Label.REAL].draw()
        order += [real, fake]
    return order

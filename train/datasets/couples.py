"""Couples of one real and one fake image: what the balanced epochs are made of."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from models.contract import Label
from train.datasets.looks import nearest, standardised
from train.datasets.tree import LabelledImage


class _Deck:
    """Draws every index once before any comes again."""

    def __init__(self, indices: Sequence[int], rng: np.random.Generator) -> None:
        self._indices, self._rng = np.asarray(indices), rng
        self._left: list[int] = []

    def draw(self) -> int:
        if not self._left:
            self._left = [int(i) for i in self._rng.permutation(self._indices)]
        return self._left.pop()


def _indexed(
    images: Sequence[LabelledImage], *, by_source: bool
) -> tuple[dict[tuple[str, Label], list[int]], dict[tuple[str, str], list[int]]]:
    """Indices by source and class, and of the real images by source and group; ``by_source=False``: all as one."""
    cells: dict[tuple[str, Label], list[int]] = defaultdict(list)
    reals_of: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        source = (image.source or "") if by_source else ""
        cells[source, image.label].append(index)
        if image.group is not None and image.label is Label.REAL:
            reals_of[source, image.group].append(index)
    return cells, reals_of


def equal_couples(images: Sequence[LabelledImage], couples: int, rng: np.random.Generator) -> list[int]:
    """``[real, fake, real, fake, …]``: every source that has both classes as often as the others."""
    classes_of: dict[str, set[Label]] = defaultdict(set)
    for image in images:
        classes_of[image.source or ""].add(image.label)
    # A source with one class only would teach its origin, not the manipulation.
    sources = sorted(source for source, classes in classes_of.items() if len(classes) == len(Label))
    cells, reals_of = _indexed(images, by_source=bool(sources))
    sources = sources or [""]
    decks = {(s, label): _Deck(cells[s, label], rng) for s in sources for label in Label}
    order: list[int] = []
    for number in range(couples):
        source = sources[number % len(sources)]
        fake = decks[source, Label.FAKE].draw()
        partners = reals_of.get((source, images[fake].group or ""), [])
        real = int(rng.choice(partners)) if partners else decks[source, Label.REAL].draw()
        order += [real, fake]
    return order


def default_shares(images: Sequence[LabelledImage]) -> dict[str, float]:
    """Each source by the square root of its size; they add up to 1."""
    sizes = Counter(image.source or "" for image in images)
    roots = {source: math.sqrt(size) for source, size in sorted(sizes.items())}
    return {source: root / sum(roots.values()) for source, root in roots.items()}


LIKE_PICTURES = 16
"""A partner from another source is one of so many whose look is nearest."""


def shared_couples(
    images: Sequence[LabelledImage], shares: Mapping[str, float], couples: int, rng: np.random.Generator
) -> list[int]:
    """``[real, fake, real, fake, …]``: a couple's source is drawn by ``shares``, which default to the roots of sizes.

    In a source with both classes the partner is of the same group, where that has one, else of the same source. A
    source with a single class gets partners of the same look from all others: without them its origin, or the
    sharpness of its pictures, would be learnt for its class.
    """
    weights = {**default_shares(images), **shares}
    cells, reals_of = _indexed(images, by_source=True)
    sources = sorted({image.source or "" for image in images})
    decks = {key: _Deck(cell, rng) for key, cell in sorted(cells.items())}
    strangers = _Strangers(images, rng)
    chances = np.array([weights[source] for source in sources])
    order: list[int] = []
    for drawn in rng.choice(len(sources), size=couples, p=chances / chances.sum()):
        source = sources[drawn]
        fakes, reals = decks.get((source, Label.FAKE)), decks.get((source, Label.REAL))
        if fakes is None:
            assert reals is not None
            real = reals.draw()
            order += [real, strangers.like(real)]
            continue
        fake = fakes.draw()
        partners = reals_of.get((source, images[fake].group or ""), [])
        if partners:
            real = int(rng.choice(partners))
        else:
            real = reals.draw() if reals is not None else strangers.like(fake)
        order += [real, fake]
    return order


class _Strangers:
    """Partners of the other class from other sources, of nearly the same look."""

    def __init__(self, images: Sequence[LabelledImage], rng: np.random.Generator) -> None:
        self._images, self._rng = images, rng
        self._looks = standardised(images)
        self._of = {
            label: np.array([i for i, image in enumerate(images) if image.label is label]) for label in Label
        }

    def like(self, index: int) -> int:
        """The index of a partner for the image at ``index``."""
        offered = self._of[Label.REAL if self._images[index].label is Label.FAKE else Label.FAKE]
        near = nearest(self._looks[index], self._looks[offered], LIKE_PICTURES)
        return int(offered[self._rng.choice(near)])

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import Label
from train.datasets.looks import Look
from train.datasets.sampling import balanced_subset, epoch_order
from train.datasets.tree import LabelledImage
from train.recipes import SCRATCH, TWO_PHASE, Balance

REAL, FAKE = Label.REAL, Label.FAKE


def image(label: Label, source: str | None = None, group: str | None = None) -> LabelledImage:
    return LabelledImage(Path("none"), "none", label, source, group)


def source(name: str | None, reals: int, fakes: int, *, groups: bool = False) -> list[LabelledImage]:
    def of(label: Label, number: int) -> list[LabelledImage]:
        return [image(label, name, f"g{n}" if groups else None) for n in range(number)]

    return of(REAL, reals) + of(FAKE, fakes)


COUPLES = replace(SCRATCH, batch_size=4, epoch_images=24)

pools = st.lists(
    st.builds(
        image,
        st.sampled_from(Label),
        st.sampled_from((None, "a", "b", "c")),
        st.sampled_from((None, "g1", "g2", "g3")),
    ),
    max_size=20,
).map(lambda images: [*images, image(REAL, "a", "g1"), image(FAKE, "b", "g1")])


@given(
    pools,
    st.sampled_from(Balance),
    st.integers(2, 9),
    st.integers(2, 30),
    st.integers(0, 99),
    st.integers(0, 9),
)
def test_any_epoch_is_a_pure_function_and_can_be_trained_on(
    images: list[LabelledImage], balance: Balance, batch: int, length: int, seed: int, epoch: int
) -> None:
    recipe = replace(SCRATCH, balance=balance, batch_size=batch, epoch_images=length)
    order = epoch_order(images, recipe, seed=seed, epoch=epoch)
    assert order == epoch_order(list(images), recipe, seed=seed, epoch=epoch)
    assert all(0 <= index < len(images) for index in order)
    assert length - 2 <= len(order) <= length
    assert len(order) % batch != 1, "BatchNorm cannot train on one image"
    assert len(order) >= 2


def test_seed_and_epoch_change_the_order() -> None:
    images = source("a", 20, 20)
    orders = [
        epoch_order(images, COUPLES, seed=seed, epoch=epoch)
        for seed, epoch in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_without_balance_every_image_comes_once() -> None:
    images = source(None, 13, 4)
    order = epoch_order(images, replace(TWO_PHASE, batch_size=5), seed=3, epoch=0)
    assert sorted(order) == list(range(17))
    assert order != sorted(order)


def test_a_longer_epoch_shows_every_image_again_before_any_a_third_time() -> None:
    images = source(None, 3, 2)
    order = epoch_order(images, replace(TWO_PHASE, batch_size=4, epoch_images=12), seed=3, epoch=0)
    assert sorted(Counter(order).values()) == [2, 2, 2, 3, 3]


def test_a_last_image_alone_is_left_out() -> None:
    images = source(None, 5, 4)
    assert len(epoch_order(images, replace(TWO_PHASE, batch_size=4), seed=0, epoch=0)) == 8
    assert len(epoch_order(images, replace(TWO_PHASE, batch_size=5), seed=0, epoch=0)) == 9


def couples(images: list[LabelledImage], order: list[int]) -> list[tuple[LabelledImage, LabelledImage]]:
    pairs = [(images[r], images[f]) for r, f in zip(order[::2], order[1::2], strict=True)]
    assert all((real.label, fake.label) == (REAL, FAKE) for real, fake in pairs)
    return pairs


def test_couples_share_their_group_where_it_has_both() -> None:
    images = [*source("a", 6, 6, groups=True), image(FAKE, "a", "orphan"), *source("b", 5, 9, groups=True)]
    for epoch in range(5):
        for real, fake in couples(images, epoch_order(images, COUPLES, seed=1, epoch=epoch)):
            assert real.source == fake.source
            reals = {i.group for i in images if i.source == fake.source and i.label is REAL}
            if fake.group in reals:
                assert real.group == fake.group


def test_every_source_comes_equally_often_whatever_its_size() -> None:
    images = source("a", 2, 2) + source("b", 50, 70) + source("c", 9, 3)
    order = epoch_order(images, COUPLES, seed=0, epoch=0)
    assert Counter(real.source for real, _ in couples(images, order)) == {"a": 4, "b": 4, "c": 4}


def test_a_source_of_one_class_is_left_out() -> None:
    images = source("a", 3, 3) + source("only-real", 20, 0)
    pairs = couples(images, epoch_order(images, COUPLES, seed=0, epoch=0))
    assert {real.source for real, _ in pairs} == {"a"}


def test_sources_of_one_class_each_are_coupled_across_and_by_group() -> None:
    images = [image(REAL, "camera", f"g{n}") for n in range(5)] + [
        image(FAKE, "generator", f"g{n}") for n in range(7)
    ]
    pairs = couples(images, epoch_order(images, COUPLES, seed=0, epoch=0))
    assert len(pairs) == 12
    for real, fake in pairs:
        if fake.group in {f"g{n}" for n in range(5)}:
            assert real.group == fake.group


def test_every_fake_comes_before_any_comes_again() -> None:
    images = source("a", 4, 12)
    order = epoch_order(images, COUPLES, seed=2, epoch=0)
    assert set(Counter(order[1::2]).values()) == {1}
    assert set(Counter(order[::2]).values()) == {3}


# Shares

SHARES = replace(COUPLES, balance=Balance.SHARES, epoch_images=4000)


def test_a_source_comes_as_often_as_the_root_of_its_size() -> None:
    images = source("a", 2, 2) + source("b", 200, 200) + source("c", 30, 6)
    pairs = couples(images, epoch_order(images, SHARES, seed=0, epoch=0))
    assert len(pairs) == 2000
    counts = Counter(fake.source for _, fake in pairs)
    assert counts["b"] / counts["a"] == pytest.approx(10, rel=0.2)
    assert counts["c"] / counts["a"] == pytest.approx(3, rel=0.2)


def test_a_named_share_overrides_the_root() -> None:
    images = source("a", 5, 5) + source("b", 5, 5)
    # Both roots are a half: 2 against 0.5.
    order = epoch_order(images, replace(SHARES, shares={"a": 2.0}), seed=0, epoch=0)
    counts = Counter(fake.source for _, fake in couples(images, order))
    assert counts["a"] / counts["b"] == pytest.approx(4, rel=0.15)
    order = epoch_order(images, replace(SHARES, shares={"b": 0.0}), seed=0, epoch=0)
    assert {fake.source for _, fake in couples(images, order)} == {"a"}


def with_look(images: list[LabelledImage], sharpness: float) -> list[LabelledImage]:
    rng = np.random.default_rng(len(images))
    return [replace(i, look=Look(sharpness + float(rng.normal(0, 0.1)), 8.0, 1.0)) for i in images]


def test_a_source_of_one_class_gets_partners_of_its_own_look() -> None:
    images = [
        *with_look(source("sharp-gan", 0, 30), 5.0),
        *with_look(source("sharp-press", 30, 0), 5.0),
        *with_look(source("soft-web", 30, 0), 1.0),
        *with_look(source("soft-swaps", 40, 40, groups=True), 1.0),
    ]
    pairs = couples(images, epoch_order(images, SHARES, seed=3, epoch=0))
    partners: dict[str | None, Counter[str | None]] = defaultdict(Counter)
    for real, fake in pairs:
        partners[real.source][fake.source] += 1
    assert set(partners) == {"sharp-press", "soft-web", "soft-swaps"}
    assert set(partners["sharp-press"]) == {"sharp-gan"}
    assert set(partners["soft-web"]) == {"soft-swaps"}
    assert set(partners["soft-swaps"]) == {"soft-swaps"}, "a source with both classes stays with itself"
    for real, fake in pairs:
        assert real.look is not None and fake.look is not None
        assert abs(real.look.sharpness - fake.look.sharpness) < 1


# The select subset


def test_a_subset_is_as_even_as_it_can_be_and_always_the_same() -> None:
    images = source("a", 50, 50) + source("b", 50, 3) + source("c", 8, 50)
    subset = balanced_subset(images, 30)
    assert subset == balanced_subset(images, 30)
    cells = Counter((i.source, i.label) for i in subset)
    assert cells[("b", FAKE)] == 3
    assert {count for cell, count in cells.items() if cell != ("b", FAKE)} <= {5, 6}
    assert sum(cells.values()) == 30


@pytest.mark.parametrize("limit", [2, 3, 4, 5])
def test_even_the_shortest_subset_has_both_classes(limit: int) -> None:
    images = source("a", 0, 9) + source("b", 0, 9) + source("c", 9, 0) + source(None, 9, 0)
    subset = balanced_subset(images, limit)
    assert len(subset) == limit
    assert {image.label for image in subset} == {REAL, FAKE}


def test_no_limit_and_a_wide_one_keep_all() -> None:
    images = source("a", 3, 3)
    for limit in (None, 6, 99):
        assert balanced_subset(images, limit) == images

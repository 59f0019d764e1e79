"""Thresholds from real images: the rates they keep, on whom, and for how many faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.fitting.thresholds import (
    MIN_REALS,
    MOST_FACES,
    Reals,
    by_faces,
    groups_of_reals,
    rate_of_one,
    strictest,
    threshold_for,
)

some_probs = st.lists(st.floats(0, 1).map(lambda p: round(p, 6)), min_size=1, max_size=60)
rates = st.sampled_from([0.01, 0.05, 0.3])


@given(
    st.lists(st.floats(0, 1).map(lambda p: round(p, 6)), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.01, 0.05, 0.3]),
)
def test_a_threshold_keeps_its_rate_and_is_the_smallest_that_does(probs: list[float], rate: float) -> None:
    reals = np.array(probs)
    threshold = threshold_for(reals, rate)
    assert 0 <= threshold <= 1
    if threshold < 1:
        assert (reals >= threshold).mean() <= rate + 1e-9
        assert (reals >= round(threshold - 1e-6, 6)).mean() > rate


@given(st.lists(some_probs, min_size=1, max_size=3), rates)
def test_thresholds_never_fall_with_the_number_of_faces(groups: list[list[float]], rate: float) -> None:
    reals = [Reals("g", np.array(probs)) for probs in groups]
    values = list(by_faces(reals, rate))
    assert len(values) == MOST_FACES and values == sorted(values)
    assert values[0] == strictest(reals, rate)[0]


@given(st.lists(some_probs, min_size=1, max_size=3), rates)
def test_faces_drawn_from_the_reals_flag_a_picture_no_more_often_than_the_rate(
    groups: list[list[float]], rate: float
) -> None:
    values = list(by_faces([Reals("g", np.array(probs)) for probs in groups], rate))
    for probs in map(np.array, groups):
        for faces, value in enumerate(values, start=1):
            if value < 1:
                of_one = (probs >= value).mean()
                assert 1 - (1 - of_one) ** faces <= rate + 1e-9


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([(0.05, 4000), (0.01, 20_000)]))
def test_group_pictures_of_other_real_faces_are_flagged_as_seldom_as_portraits(
    seed: int, plan: tuple[float, int]
) -> None:
    rate, count = plan
    rng = np.random.default_rng(seed)
    calibrate, others = (1 / (1 + np.exp(-rng.normal(-2, 1.5, size))) for size in (count, 16 * 4000))
    values = list(by_faces([Reals("all", calibrate.round(6))], rate))
    for faces in (1, 2, 5, 16):
        pictures = others[: 4000 * faces].reshape(4000, faces).max(axis=1)
        flagged = (pictures.round(6) >= values[faces - 1]).mean()
        # Four deviations of the share that is measured, and of the quantile that it rests on.
        spread = (rate / 4000 + faces * rate / count) ** 0.5
        assert flagged <= rate + 4 * spread


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 500), min_size=1))
def test_no_threshold_rests_on_few_reals_where_there_are_more(sizes: dict[str, int]) -> None:
    sources: list[str | None] = [name for name, size in sizes.items() for _ in range(size)]
    probs = np.arange(len(sources)) / 1e6
    groups = groups_of_reals(np.zeros(len(sources), dtype=np.int64), sources, probs)
    assert set(np.concatenate([group.probs for group in groups])) == set(probs), "each real image counts"
    fewest = min(len(group.probs) for group in groups)
    assert fewest >= MIN_REALS or fewest == len(probs)
    alone = {group.name for group in groups}
    assert all(name in alone for name, size in sizes.items() if size >= MIN_REALS and len(sizes) > 1)


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ({"a": 700, "b": 250, "c": 300}, ["a", "b", "c"]),
        ({"a": 700, "c": 120, "b": 90}, ["a", "b, c"]),
        ({"a": 700, "b": 250, "c": 100, "d": 49}, ["a", "b", "d, c, b"]),
        ({"a": 700, "b": 50}, ["a", "all real images"]),
        ({"a": 90, "b": 50}, ["all real images"]),
        ({"a": 700}, ["all real images"]),
    ],
)
def test_small_sources_take_the_next_larger_ones_in(sizes: dict[str, int], names: list[str]) -> None:
    sources: list[str | None] = [name for name, size in sizes.items() for _ in range(size)]
    labels = np.zeros(len(sources), dtype=np.int64)
    assert [group.name for group in groups_of_reals(labels, sources, np.zeros(len(sources)))] == names


def test_the_rate_of_each_face_gives_that_of_the_picture() -> None:
    assert rate_of_one(0.05, 1) == pytest.approx(0.05)
    assert 1 - (1 - rate_of_one(0.05, 16)) ** 16 == pytest.approx(0.05)

"""Which times of a film are looked at, and in which parts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.media.video.plan import FRAMES, PART_SECONDS, STEP, bursts, part_of_frame, parts
from scanner.results.sampling import Sampling

SECONDS = st.floats(0, 1e9)


def test_eight_bursts_of_a_second_spread_evenly() -> None:
    planned = bursts(80.0, 8)
    assert [burst[0] for burst in planned] == [4.625 + 10 * number for number in range(8)]
    assert planned[0] == (4.625, 4.875, 5.125, 5.375)


@pytest.mark.parametrize(("seconds", "count"), [(0, 1), (0.6, 1), (1, 1), (2.5, 2), (8, 8), (3600, 8)])
def test_a_short_film_has_fewer(seconds: float, count: int) -> None:
    assert len(bursts(seconds, 8)) == count


def test_a_film_of_one_frame_has_one_time() -> None:
    assert bursts(0.0, 8) == [(0.0,)]


@given(SECONDS, st.integers(1, 100))
def test_times_rise_and_lie_in_the_film(seconds: float, most: int) -> None:
    planned = bursts(seconds, most)
    times = [time for burst in planned for time in burst]
    assert times == sorted(times) and len(set(times)) == len(times)
    assert times[0] >= 0 and times[-1] <= seconds + 1e-6
    assert 1 <= len(planned) <= most and all(len(burst) <= FRAMES for burst in planned)
    if seconds >= FRAMES * STEP:
        assert {len(burst) for burst in planned} == {FRAMES}


@given(SECONDS, st.integers(1, 40), st.none() | st.floats(0.1, 1e4))
def test_parts_are_whole_bursts_of_some_ten_seconds(seconds: float, most: int, limit: float | None) -> None:
    sampling = Sampling(True, most, limit)
    planned = parts(seconds, sampling)
    sampled = seconds if limit is None else min(seconds, limit)
    assert [burst for part in planned for burst in part] == bursts(sampled, most)
    assert all(part[-1][0] - part[0][0] < PART_SECONDS for part in planned)
    numbers = [index for index, part in enumerate(planned) for burst in part for _ in burst]
    assert [part_of_frame(seconds, sampling, frame) for frame in range(len(numbers))] == numbers


def test_a_long_film_is_shared_out() -> None:
    assert len(parts(600.0, Sampling(True))) == 8
    assert len(parts(600.0, Sampling(True, max_seconds=9.0))) == 1


def test_a_film_that_claims_no_end_has_no_more_times() -> None:
    assert sum(map(len, bursts(1e12, 8))) == 32 and math.isfinite(bursts(1e12, 8)[-1][-1])

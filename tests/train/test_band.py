"""The inconclusive band begins where a fake is called real at most as often as stated, with confidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from train.fitting.band import CONFIDENCE, MISSED_BELOW_BAND, band, upper_limits


@pytest.mark.parametrize(("count", "seen"), [(59, 0), (200, 4), (800, 30)])
def test_the_limit_is_that_of_clopper_and_pearson(count: int, seen: int) -> None:
    exact = binomtest(seen, count, alternative="less").proportion_ci(CONFIDENCE, method="exact").high
    assert upper_limits(count)[seen] == pytest.approx(exact)


@given(
    st.lists(st.floats(0, 1).map(lambda p: round(p, 2)), min_size=1, max_size=400),
    st.floats(0, 1),
)
def test_the_band_keeps_the_bound_and_begins_as_high_as_it_may(probs: list[float], threshold: float) -> None:
    fakes = np.array(probs)
    found = band({"as they are": fakes}, threshold)
    below = int((fakes < found.low).sum())
    assert (found.below, found.fakes, found.under) == (below, len(fakes), "as they are")
    assert found.low <= threshold
    if found.low > 0:
        assert upper_limits(len(fakes))[below] <= MISSED_BELOW_BAND
    if found.low < threshold:
        above = int((fakes <= found.low).sum())
        assert above == len(fakes) or upper_limits(len(fakes))[above] > MISSED_BELOW_BAND


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_the_share_of_other_fakes_below_is_kept_as_often_as_stated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Of uniform scores, the share below a value is that value.
    kept = [band({"": rng.random(300)}, 1.0).low <= MISSED_BELOW_BAND for _ in range(300)]
    assert np.mean(kept) >= CONFIDENCE - 4 * (CONFIDENCE * (1 - CONFIDENCE) / 300) ** 0.5


def test_few_fakes_say_nothing_and_nothing_is_then_called_real() -> None:
    assert band({"": np.full(58, 0.9)}, 0.8).low == 0.0
    assert band({"": np.full(59, 0.7)}, 0.8).low == 0.7


def test_the_worst_condition_decides() -> None:
    found = band({"as they are": np.full(100, 0.7), "JPEG q50": np.full(100, 0.3)}, 0.8)
    assert (found.low, found.under, found.below) == (0.3, "JPEG q50", 0)

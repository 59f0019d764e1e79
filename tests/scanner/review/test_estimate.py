"""What a sample says about the folder: right on what can be computed, wide enough on what cannot."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_reports import row, write_report
from scipy.stats import binomtest

from scanner.review.estimate import Counts, estimate
from scanner.review.index import Index, ReviewError
from scanner.review.sampling import LEAST, allocate, draw


@pytest.mark.parametrize(("fake", "decided"), [(0, 30), (3, 40), (40, 40), (17, 50)])
def test_one_stratum_has_clopper_and_pearsons_interval(fake: int, decided: int) -> None:
    found = estimate([Counts(True, 1_000_000, fake, decided - fake)], 1).precision
    exact = binomtest(fake, decided).proportion_ci(0.95, method="exact")
    assert found.value == pytest.approx(fake / decided)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.006)


def test_the_point_is_the_stratified_estimator() -> None:
    strata = [
        Counts(True, 100, 8, 2),
        Counts(True, 50, 5, 0),
        Counts(False, 9_000, 1, 99),
        Counts(False, 850, 5, 15),
    ]
    found = estimate(strata, 1)
    flagged, missed = 100 * 0.8 + 50, 9_000 / 100 + 850 / 4
    assert found.missed.value == pytest.approx(missed) and found.fakes.value == pytest.approx(
        flagged + missed
    )
    assert found.precision.value == pytest.approx(flagged / 150)
    assert found.false_omission.value == pytest.approx(missed / 9_850)
    assert found.recall.value == pytest.approx(flagged / (flagged + missed))
    assert found.fpr.value == pytest.approx((150 - flagged) / (10_000 - flagged - missed))
    for figure in vars(found).values():
        assert figure.low < figure.value < figure.high


def test_a_folder_that_was_reviewed_whole_is_known() -> None:
    found = estimate([Counts(True, 10, 8, 2), Counts(False, 30, 1, 29)], 1)
    assert (found.missed.low, found.missed.value, found.missed.high) == (1, 1, 1)
    assert (found.precision.low, found.precision.high) == pytest.approx((0.8, 0.8))
    assert (found.recall.low, found.recall.high) == pytest.approx((8 / 9, 8 / 9))


def test_no_fake_seen_is_not_no_fake_there() -> None:
    found = estimate([Counts(True, 100, 10, 0), Counts(False, 100_000, 0, 100)], 1)
    assert (found.missed.low, found.missed.value) == (0, 0) and 3_000 < found.missed.high < 4_500
    assert found.recall.value == 1 and found.recall.low < 0.04


def test_a_stratum_without_a_decision_has_no_estimate_but_limits() -> None:
    found = estimate([Counts(True, 10, 5, 5), Counts(False, 40, 0, 0)], 1)
    assert found.missed.value is None and (found.missed.low, found.missed.high) == (0, 40)
    assert found.precision.value is not None and found.recall.value is None


def test_nothing_flagged_has_no_precision() -> None:
    found = estimate([Counts(False, 40, 1, 9)], 1)
    assert found.precision.value is None and found.recall.value == 0


def test_unsure_widens_to_both_sides_and_moves_no_point() -> None:
    sure = estimate([Counts(True, 1000, 20, 20)], 1).precision
    unsure = estimate([Counts(True, 1000, 20, 20, 10)], 1).precision
    assert unsure.value == sure.value and unsure.low < sure.low and unsure.high > sure.high


def test_the_same_decisions_give_the_same_digits() -> None:
    strata = [Counts(True, 100, 8, 2), Counts(False, 9_000, 1, 99)]
    assert estimate(strata, 3) == estimate(strata, 3)


@pytest.mark.slow
def test_the_intervals_hold_what_they_promise() -> None:
    """400 folders of 5,000 with few fakes among the low scores, a sample of 120 from each."""
    rng, hits = np.random.default_rng(5), {"missed": 0, "precision": 0, "recall": 0, "fpr": 0}
    sizes = [(True, 60, 0.9), (True, 140, 0.5), (False, 800, 0.05), (False, 4_000, 0.003)]
    drawn = allocate([size for _, size, _ in sizes], 120)
    for number in range(400):
        strata, truth = [], {True: [0, 0], False: [0, 0]}
        for (flagged, size, share), wanted in zip(sizes, drawn, strict=True):
            fakes = rng.random(size) < share
            seen = int(rng.permutation(fakes)[:wanted].sum())
            truth[flagged][0] += int(fakes.sum())
            truth[flagged][1] += int((~fakes).sum())
            strata.append(Counts(flagged, size, seen, wanted - seen))
        found = estimate(strata, number)
        (f, not_f), (o, not_o) = truth[True], truth[False]
        right = {
            "missed": o,
            "precision": f / (f + not_f),
            "recall": f / (f + o),
            "fpr": not_f / (not_f + not_o),
        }
        for name in hits:
            figure = getattr(found, name)
            hits[name] += figure.low <= right[name] <= figure.high
    assert min(hits.values()) >= 0.95 * 400, hits


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20), st.integers(0, 3000))
def test_a_sample_is_as_large_as_asked_and_takes_from_every_stratum(sizes: list[int], more: int) -> None:
    total = LEAST * len(sizes) + more
    given_ = allocate(sizes, total)
    assert sum(given_) == min(total, sum(sizes))
    assert all(min(LEAST, size) <= one <= size for one, size in zip(given_, sizes, strict=True))


def test_sizes_follow_the_root() -> None:
    found = allocate([10_000, 1_000_000], 1_100)
    assert found[1] / found[0] == pytest.approx(math.sqrt(100), rel=0.02)


def test_too_small_a_sample_is_refused() -> None:
    with pytest.raises(ReviewError, match="--sample 3 is too small: 4 are needed"):
        allocate([10, 10], 3)


def test_what_is_drawn_follows_from_seed_and_content_alone(tmp_path: Path) -> None:
    def names(order: int, seed: int) -> set[str]:
        rows = [row(f"{n}.png", hashlib.sha256(b"%d" % n).hexdigest(), n / 300) for n in range(300)][::order]
        (folder := tmp_path / f"{order}{seed}").mkdir()
        index = Index(write_report(folder, rows))
        sample = draw(index, index.firsts(), 60, seed)
        assert sample.size == 60
        for stratum in sample.strata:
            for number in stratum.drawn:
                item = index.item(number)
                assert stratum.low <= item.prob_fake < stratum.low + 0.1 + 1e-9
                assert (item.verdict == "fake") is stratum.flagged
        assert sum(stratum.size for stratum in sample.strata) == 300
        return {index.record(n)["path"] for stratum in sample.strata for n in stratum.drawn}

    assert names(1, 4) == names(-1, 4) != names(1, 5)

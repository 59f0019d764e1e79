"""False positives on a source that had no part in the threshold, from scores alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta

from models.contract import Label
from train.datasets.tree import LabelledImage
from train.evaluation.held_out import RATE, measure
from train.evaluation.scoring import ScoredImage
from train.fitting.thresholds import threshold_for


def images(
    source: str | None, probs: np.ndarray, label: Label = Label.REAL, faces: int = 1
) -> list[ScoredImage]:
    return [
        ScoredImage(
            LabelledImage(Path(f"{source}{i}"), f"{source}{i}", label, source), "ok", None, round(p, 6), faces
        )
        for i, p in enumerate(map(float, probs))
    ]


@pytest.fixture
def three() -> list[ScoredImage]:
    rng = np.random.default_rng(0)
    return [
        *images("plain", rng.uniform(0, 0.5, 400)),
        *images("other", rng.uniform(0, 0.5, 300)),
        *images("soft", rng.uniform(0.3, 0.8, 250)),
        *images("plain", rng.uniform(0.5, 1, 300), Label.FAKE),
    ]


def test_a_source_is_held_against_the_threshold_of_the_others(three: list[ScoredImage]) -> None:
    found = measure(three, resamples=100, seed=0)
    assert found is not None and list(found.by_source) == ["other", "plain", "soft"]
    soft = found.by_source["soft"]
    others = [
        np.array(
            [one.prob_fake for one in three if one.image.source == name and one.image.label is Label.REAL]
        )
        for name in ("plain", "other")
    ]
    assert soft.threshold == max(threshold_for(probs, RATE) for probs in others)
    own = np.array([one.prob_fake for one in three if one.image.source == "soft"])
    assert (soft.real, soft.chosen_on, soft.flagged) == (250, 700, (own >= soft.threshold).sum())
    assert soft.value > 0.5, "the kind that the threshold has not seen pays for it"
    assert found.by_source["plain"].flagged == 0, "the strictest of the others protects the rest"
    flagged = sum(one.flagged for one in found.by_source.values())
    assert found.pooled.value == pytest.approx(flagged / 950)
    assert found.of_a_source.value == pytest.approx(np.mean([one.value for one in found.by_source.values()]))
    for rate in (found.pooled, found.of_a_source):
        assert rate.interval is not None and rate.interval.low <= rate.value <= rate.interval.high


def test_the_interval_of_a_source_says_something_of_none_flagged(three: list[ScoredImage]) -> None:
    found = measure(three, resamples=0, seed=0)
    assert found is not None and found.pooled.interval is None
    none = found.by_source["plain"].interval
    assert none.low == 0 and none.high == pytest.approx(beta.ppf(0.975, 1, 400))


def test_the_fakes_and_what_has_no_score_play_no_part(three: list[ScoredImage]) -> None:
    less = [one for one in three if one.image.label is Label.REAL]
    more = [*three, replace(three[0], prob_fake=None, status="error")]
    assert measure(less, resamples=50, seed=1) == measure(more, resamples=50, seed=1)


def test_several_faces_have_the_threshold_of_several(three: list[ScoredImage]) -> None:
    before = measure(three, resamples=0, seed=0)
    groups = [replace(one, faces=20) if one.image.source == "soft" else one for one in three]
    after = measure(groups, resamples=0, seed=0)
    assert before is not None and after is not None
    assert after.by_source["soft"].flagged < before.by_source["soft"].flagged


def test_one_source_cannot_be_left_out() -> None:
    probs = np.linspace(0, 1, 30)
    assert measure(images("a", probs), resamples=10, seed=0) is None
    assert measure([*images("a", probs), *images(None, probs)], resamples=10, seed=0) is None
    assert measure([*images("a", probs), *images("b", probs, Label.FAKE)], resamples=10, seed=0) is None

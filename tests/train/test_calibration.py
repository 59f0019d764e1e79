"""Temperature and thresholds from labelled logits: the rates hold on the role they were chosen on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import Calibration
from models.contract import ModelMetadata
from models.support.errors import DataError
from train.fitting.temperature import (
    calibrate,
    fit_temperature,
    log_loss,
    printed_probabilities,
    threshold_for,
)


def drawn(count: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from ``sigmoid(logit / temperature)``."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2 * temperature, count)
    return (rng.random(count) < 1 / (1 + np.exp(-logits / temperature))).astype(np.int64), logits


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    labels, logits = drawn(20_000, temperature)
    assert fit_temperature(labels, logits) == pytest.approx(temperature, rel=0.05)


def test_a_perfectly_separated_role_keeps_a_finite_temperature() -> None:
    labels = np.array([0, 0, 1, 1])
    assert 0.04 < fit_temperature(labels, np.array([-3.0, -2.0, 2.0, 3.0])) < 0.06


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


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_calibration_is_consistent_with_itself(seed: int) -> None:
    labels, logits = drawn(300, 1.7, seed)
    sources = ["a" if i % 3 else "b" for i in range(300)]
    found = calibrate(labels, logits, sources, data="role")
    values = {name: one.value for name, one in found.thresholds.items()}
    assert values["fpr5"] <= values["fpr1"]
    assert values["default"] >= values["fpr5"] - 1e-9
    assert found.inconclusive_low <= values["default"]
    assert found.log_loss_after <= found.log_loss_before + 1e-9
    probs = printed_probabilities(logits / found.temperature)
    for one in found.thresholds.values():
        assert one.fpr == pytest.approx((probs[labels == 0] >= one.value).mean())
        assert one.tpr == pytest.approx((probs[labels == 1] >= one.value).mean())
    assert (found.real, found.fake) == ((labels == 0).sum(), (labels == 1).sum())
    assert found.prior == pytest.approx(labels.mean())


@pytest.mark.parametrize("small", [["b"] * 120, ["b"] * 60 + ["c"] * 60])
def test_the_default_protects_the_kind_whose_reals_score_highest(small: list[str]) -> None:
    # These real images score higher than a's: the pooled rate would flag many of them.
    labels = np.array([0] * 1800 + [0] * 120 + [1] * 100)
    logits = np.concatenate([np.linspace(-4, -2, 1800), np.linspace(0, 2, 120), np.linspace(1, 4, 100)])
    found = calibrate(labels, logits, ["a"] * 1800 + small + ["a"] * 100, data="role")
    probs = printed_probabilities(logits / found.temperature)
    theirs = probs[1800:1920]
    assert (theirs >= found.thresholds["fpr5"].value).mean() > 0.05
    assert (theirs >= found.thresholds["default"].value).mean() <= 0.05
    assert found.thresholds["default"].data == "role, the strictest group's fpr5"


def test_a_few_real_images_set_no_threshold_of_their_own() -> None:
    labels = np.array([0] * 300 + [0] * 20 + [1] * 100)
    logits = np.concatenate([np.linspace(-4, -2, 300), np.linspace(0, 9, 20), np.linspace(1, 4, 100)])
    found = calibrate(labels, logits, ["a"] * 300 + ["b"] * 20 + ["a"] * 100, data="role")
    probs = printed_probabilities(logits / found.temperature)
    default = found.thresholds["default"].value
    assert default == max(threshold_for(probs[:300], 0.05), threshold_for(probs[:320], 0.05))
    alone = calibrate(labels, logits, ["a"] * 50 + ["c"] * 50 + ["d"] * 320, data="role")
    assert alone.thresholds["default"].data == "role, the strictest group's fpr5"
    tiny = calibrate(labels[280:], logits[280:], [None] * 140, data="role")
    assert tiny.thresholds["default"].data == "role, all real images' fpr5"


def test_it_survives_json_and_lands_in_the_metadata() -> None:
    labels, logits = drawn(200, 1.0)
    found = calibrate(labels, logits, [None] * 200, data="role")
    again = Calibration.from_config(json.loads(json.dumps(found.as_config())))
    assert again == found
    metadata = again.applied_to(ModelMetadata("m", "1", "fake"))
    assert metadata.calibrated and metadata.temperature == found.temperature
    assert ModelMetadata.from_props(metadata.to_props(), where="m") == metadata
    assert metadata.default_threshold() == found.thresholds["default"].value


def test_one_class_cannot_calibrate() -> None:
    with pytest.raises(DataError, match="both classes"):
        calibrate(np.array([1, 1]), np.array([0.0, 1.0]), [None, None], data="role")


def test_the_loss_does_not_overflow() -> None:
    assert log_loss(np.array([1, 0]), np.array([1e4, -1e4])) == 0.0
    assert log_loss(np.array([0]), np.array([1e4])) == pytest.approx(1e4)

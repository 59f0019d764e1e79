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


@pytest.mark.parametrize("small", [["b"] * 220, ["b"] * 110 + ["c"] * 110])
def test_the_default_protects_the_kind_whose_reals_score_highest(small: list[str]) -> None:
    # These real images score higher than a's: the pooled rate would flag many of them.
    labels = np.array([0] * 3300 + [0] * 220 + [1] * 100)
    logits = np.concatenate([np.linspace(-4, -2, 3300), np.linspace(0, 2, 220), np.linspace(1, 4, 100)])
    found = calibrate(labels, logits, ["a"] * 3300 + small + ["a"] * 100, data="role")
    probs = printed_probabilities(logits / found.temperature)
    theirs = probs[3300:3520]
    assert (theirs >= found.thresholds["fpr5"].value).mean() > 0.05
    assert (theirs >= found.thresholds["default"].value).mean() <= 0.05
    assert found.thresholds["default"].data == f"role, at most 5% of {', '.join(sorted({*small}))} (220)"
    assert found.thresholds["fpr5"].data == "role, at most 5% of all real images (3520)"


def test_the_default_and_the_band_hold_under_each_condition() -> None:
    labels, logits = drawn(2000, 1.0)
    degraded = {"softer": logits * 0.5 + 1.5, "same": logits}
    found = calibrate(labels, logits, [None] * 2000, data="role", faces=True, degraded=degraded)
    clean = calibrate(labels, logits, [None] * 2000, data="role", faces=True)
    default = found.thresholds["default"]
    assert default.value > clean.thresholds["default"].value
    assert default.data == f"role, at most 5% of all real images under softer ({found.real})"
    for name in ("fpr1", "fpr5"):
        assert found.thresholds[name] == clean.thresholds[name], "named rates are those of images as they are"
    assert found.temperature == clean.temperature
    assert found.band is not None and clean.band is not None
    for one in (logits, *degraded.values()):
        probs = printed_probabilities(one / found.temperature)
        assert (probs[labels == 0] >= default.value).mean() <= 0.05
        assert (probs[labels == 1] < found.inconclusive_low).mean() <= 0.05
    assert found.band.under == "as they are", "of fakes, these score lowest"
    assert found.thresholds_by_faces is not None and clean.thresholds_by_faces is not None
    pairs = zip(found.thresholds_by_faces["default"], clean.thresholds_by_faces["default"], strict=True)
    assert all(ours >= theirs for ours, theirs in pairs)


def test_only_a_model_of_faces_has_thresholds_for_several() -> None:
    labels, logits = drawn(800, 1.0)
    one = calibrate(labels, logits, [None] * 800, data="role")
    many = calibrate(labels, logits, [None] * 800, data="role", faces=True)
    assert one.thresholds_by_faces is None and many.thresholds_by_faces is not None
    assert one.thresholds == many.thresholds
    assert many.thresholds_by_faces.keys() == many.thresholds.keys()
    for name, values in many.thresholds_by_faces.items():
        assert values[0] == many.thresholds[name].value and values[-1] > values[0]
    metadata = many.applied_to(ModelMetadata("m", "1", "fake", preprocess=2, faces={"margin": 1.3}))
    assert ModelMetadata.from_props(metadata.to_props(), where="m") == metadata
    assert Calibration.from_config(json.loads(json.dumps(many.as_config()))) == many


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

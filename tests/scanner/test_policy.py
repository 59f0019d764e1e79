"""From probabilities to verdicts and exit codes."""

from __future__ import annotations

from collections import Counter
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import ModelMetadata, Threshold
from models.support.errors import ExitCode
from scanner import ErrorCode, FileResult, Finding, Policy, Status, Verdict
from scanner.judgement.policy import FailOn, Gate, ThresholdError, format_probability

unit = st.floats(0, 1)
# Close to a rounding step of the printed probability, where the two columns could part.
near_steps = st.builds(
    lambda n, d: min(1.0, max(0.0, n / 1e6 + d)), st.integers(0, 10**6), st.floats(-1e-6, 1e-6)
)


def scored(prob_fake: float) -> FileResult:
    return FileResult("a.png", Status.OK, findings=(Finding(0.0, prob_fake),))


def metadata(**changes: Any) -> ModelMetadata:
    return ModelMetadata("m", "1", "fake", **changes)


@given(unit | near_steps, unit | near_steps, st.none() | unit)
def test_the_verdict_is_that_of_the_printed_probability(
    prob_fake: float, threshold: float, band: float | None
) -> None:
    policy = Policy.for_model(metadata(inconclusive_low=band), repr(threshold))
    printed = float(format_probability(prob_fake))
    low = threshold if band is None else min(band, threshold)
    verdict = policy.verdict(scored(prob_fake))
    if printed >= threshold:
        assert verdict is Verdict.FAKE
    elif printed >= low:
        assert verdict is Verdict.INCONCLUSIVE
    else:
        assert verdict is Verdict.REAL


@pytest.mark.parametrize(
    ("prob_fake", "verdict"),
    [(0.4999994, Verdict.REAL), (0.4999996, Verdict.FAKE), (0.5, Verdict.FAKE), (0.0, Verdict.REAL)],
)
def test_a_probability_is_rounded_before_it_is_judged(prob_fake: float, verdict: Verdict) -> None:
    assert Policy(0.5, 0.5, "option").verdict(scored(prob_fake)) is verdict


@given(unit)
def test_the_printed_probability_has_six_decimals_and_stays_in_range(prob_fake: float) -> None:
    text = format_probability(prob_fake)
    whole, point, decimals = text.partition(".")
    assert whole in ("0", "1") and point and len(decimals) == 6
    assert 0 <= float(text) <= 1 and abs(float(text) - prob_fake) <= 5.1e-7


def test_a_file_without_a_probability_has_no_verdict() -> None:
    policy = Policy(0.0, 0.0, "option")
    assert policy.verdict(FileResult("a", Status.ERROR, ErrorCode.EMPTY_FILE)) is None
    assert policy.verdict(FileResult("a", Status.SKIPPED, ErrorCode.UNSUPPORTED_MEDIA)) is None


THRESHOLDS = {"default": Threshold(0.7), "fpr1": Threshold(0.8), "fpr5": Threshold(0.6)}


@pytest.mark.parametrize(
    ("changes", "asked", "expected"),
    [
        ({}, None, Policy(0.5, 0.5, "uncalibrated default")),
        ({}, "0.25", Policy(0.25, 0.25, "option")),
        ({"thresholds": THRESHOLDS}, None, Policy(0.7, 0.7, "model default")),
        ({"thresholds": THRESHOLDS, "inconclusive_low": 0.4}, None, Policy(0.7, 0.4, "model default")),
        ({"thresholds": THRESHOLDS, "inconclusive_low": 0.4}, "fpr1", Policy(0.8, 0.4, "fpr1")),
        ({"thresholds": THRESHOLDS, "inconclusive_low": 0.4}, "fpr5", Policy(0.6, 0.4, "fpr5")),
        ({"thresholds": THRESHOLDS, "inconclusive_low": 0.4}, "0.3", Policy(0.3, 0.3, "option")),
        ({"thresholds": {"fpr1": Threshold(0.8)}}, None, Policy(0.5, 0.5, "uncalibrated default")),
        ({}, "0", Policy(0.0, 0.0, "option")),
        ({}, "1", Policy(1.0, 1.0, "option")),
    ],
)
def test_the_threshold_in_force_and_where_it_comes_from(
    changes: dict[str, Any], asked: str | None, expected: Policy
) -> None:
    assert Policy.for_model(metadata(**changes), asked) == expected


OF_FACES = {"default": [0.7, 0.8, 0.9], "fpr1": [0.8, 0.9, 0.9], "fpr5": [0.6, 0.7, 0.8]}


def of_faces(*probs: float) -> FileResult:
    return FileResult("a.png", Status.OK, faces=len(probs), findings=tuple(Finding(0.0, p) for p in probs))


@pytest.mark.parametrize(
    ("asked", "probs", "verdict"),
    [
        (None, [0.75], Verdict.FAKE),
        (None, [0.1, 0.75], Verdict.INCONCLUSIVE),
        (None, [0.1, 0.8], Verdict.FAKE),
        (None, [0.1, 0.2, 0.89], Verdict.INCONCLUSIVE),
        (None, [0.9] * 7, Verdict.FAKE),
        (None, [0.89] * 7, Verdict.INCONCLUSIVE),
        ("fpr5", [0.1, 0.75], Verdict.FAKE),
        ("0.7", [0.1] * 20 + [0.7], Verdict.FAKE),
    ],
)
def test_the_threshold_is_that_of_the_number_of_scored_faces(
    asked: str | None, probs: list[float], verdict: Verdict
) -> None:
    model = metadata(thresholds=THRESHOLDS, inconclusive_low=0.4, thresholds_by_faces=OF_FACES)
    policy = Policy.for_model(model, asked)
    assert policy.verdict(of_faces(*probs)) is verdict
    assert policy.limit(of_faces(*probs), Verdict.INCONCLUSIVE) <= policy.limit(
        of_faces(*probs), Verdict.FAKE
    )
    # A model without them judges as it did.
    old = Policy.for_model(metadata(thresholds=THRESHOLDS, inconclusive_low=0.4), asked)
    assert old.verdict(of_faces(*probs)) is old.verdict(scored(max(probs)))


def test_people_are_told_of_the_higher_thresholds() -> None:
    model = metadata(thresholds=THRESHOLDS, thresholds_by_faces=OF_FACES)
    assert Policy.for_model(model).words() == "0.7 (model default, for one face)"
    assert Policy.for_model(model, "0.7").words() == "0.7 (option)"
    assert "by_faces" not in Policy.for_model(model, "0.7").facts()
    assert Policy.for_model(model).facts()["by_faces"] == (0.7, 0.8, 0.9)


@pytest.mark.parametrize("asked", ["1.01", "-1", "nan", "inf", "", "fpr2", "0,5"])
def test_a_threshold_that_is_none_names_those_that_are(asked: str) -> None:
    with pytest.raises(ThresholdError, match=r"fpr1, fpr5") as caught:
        Policy.for_model(metadata(thresholds=THRESHOLDS), asked)
    assert caught.value.exit_code is ExitCode.INCOMPLETE
    with pytest.raises(ThresholdError, match="not calibrated"):
        Policy.for_model(metadata(), asked)


def counts(
    fake: int = 0, inconclusive: int = 0, errors: int = 0, skipped: int = 0, excluded: int = 0
) -> tuple[Any, Any]:
    verdicts = {Verdict.FAKE: fake, Verdict.INCONCLUSIVE: inconclusive, Verdict.REAL: 5}
    codes = {
        ErrorCode.CORRUPT_IMAGE: errors,
        ErrorCode.UNSUPPORTED_MEDIA: skipped,
        ErrorCode.EXCLUDED: excluded,
    }
    return Counter(codes), Counter(verdicts)


@pytest.mark.parametrize("fail_on", FailOn)
@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_meets_each_gate(fail_on: FailOn, verdict: Verdict) -> None:
    matches = {
        FailOn.FAKE: {Verdict.FAKE},
        FailOn.INCONCLUSIVE: {Verdict.FAKE, Verdict.INCONCLUSIVE},
        FailOn.DECLARED: {Verdict.FAKE},
        FailOn.NEVER: set(),
    }
    code = Gate(fail_on).exit_code(Counter(), Counter({verdict: 1}))
    assert code is (ExitCode.FINDINGS if verdict in matches[fail_on] else ExitCode.OK)


@pytest.mark.parametrize(
    ("gate", "seen", "code"),
    [
        (Gate(), counts(), ExitCode.OK),
        (Gate(), counts(fake=1, errors=1), ExitCode.INCOMPLETE),
        (Gate(exit_zero=True), counts(fake=1), ExitCode.OK),
        (Gate(exit_zero=True), counts(fake=1, errors=1), ExitCode.INCOMPLETE),
        (Gate(max_errors=2), counts(fake=1, errors=2), ExitCode.FINDINGS),
        (Gate(max_errors=2), counts(fake=1, errors=3), ExitCode.INCOMPLETE),
        (Gate(), counts(skipped=3), ExitCode.OK),
        (Gate(strict=True), counts(skipped=1), ExitCode.INCOMPLETE),
        (Gate(strict=True), counts(excluded=2), ExitCode.OK),
        (Gate(strict=True), counts(skipped=1, excluded=1), ExitCode.INCOMPLETE),
        (Gate(strict=True, max_errors=2), counts(errors=1, skipped=1), ExitCode.OK),
        (Gate(strict=True, max_errors=2), counts(errors=2, skipped=1), ExitCode.INCOMPLETE),
    ],
)
def test_incomplete_outranks_findings(gate: Gate, seen: tuple[Any, Any], code: ExitCode) -> None:
    assert gate.exit_code(*seen) is code


def test_findings_that_are_added_decide_anew() -> None:
    """As ``dataclasses.replace`` would have it, which costs more."""
    first, second = Finding(-1.0, 0.3), Finding(1.0, 0.7)
    before = FileResult("a.jpg", Status.OK, width=7, findings=(first,))
    assert before.prob_fake == 0.3
    after = before.scored((first, second))
    assert after == replace(before, findings=(first, second))
    assert after.deciding == second and before.deciding == first
    with pytest.raises(FrozenInstanceError):
        after.width = 8  # type: ignore[misc]

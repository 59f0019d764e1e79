"""The closing words on the terminal: counts, suspects, rate, device; and no name that steers it."""

from __future__ import annotations

from collections import Counter

from scanner import Detector, ErrorCode, FileResult, Finding, Policy, Status, Verdict
from scanner.judgement.tally import Tally
from scanner.terminal.summary import MostSuspicious, summary_lines


def scored(path: str, prob_fake: float | None) -> FileResult:
    findings = () if prob_fake is None else (Finding(0.0, prob_fake),)
    error = None if findings else ErrorCode.CORRUPT_IMAGE
    return FileResult(path, Status.OK if findings else Status.ERROR, error, findings=findings)


def test_the_most_suspicious_come_first_and_ties_keep_the_reports_order() -> None:
    top = MostSuspicious(keep=3)
    for path, prob in (("a", 0.2), ("b", 0.9), ("c", None), ("d", 0.9), ("e", 0.95), ("f", 0.9)):
        top.add(scored(path, prob))
    assert [(result.prob_fake, result.path) for result in top.results()] == [
        (0.95, "e"),
        (0.9, "b"),
        (0.9, "d"),
    ]


def test_the_summary_says_what_happened(detector: Detector) -> None:
    tally = Tally(
        statuses=Counter({Status.OK: 1200, Status.ERROR: 5, Status.SKIPPED: 2}),
        verdicts=Counter({Verdict.FAKE: 7, Verdict.REAL: 1193}),
        errors=Counter({"corrupt_image": 4, "empty_file": 1, "unsupported_media": 2}),
        other_files=Counter({".txt": 3}),
    )
    top = MostSuspicious()
    top.add(scored("worst.jpg", 0.987654))
    text = "\n".join(
        summary_lines(
            detector.facts, Policy(0.5, 0.5, "uncalibrated default"), tally, top, seconds=60.35, workers=2
        )
    )
    for part in (
        "1,207 files in 60.4 s (20.0 files/s) on cpu (CPUExecutionProvider, 2 workers)",
        "1,200 ok, 5 errors, 2 skipped (4 corrupt_image, 2 unsupported_media, 1 empty_file)",
        "3 other files have no row (3 .txt)",
        "7 fake, 0 inconclusive, 1,193 not flagged at threshold 0.5",
        "0.987654  worst.jpg",
    ):
        assert part in text


def test_an_empty_run_has_a_summary_too(detector: Detector) -> None:
    lines = list(
        summary_lines(
            detector.facts, Policy(0.5, 0.5, "option"), Tally(), MostSuspicious(), seconds=0.0, workers=1
        )
    )
    assert lines[0].startswith("0 files in 0.0 s")
    assert not any("suspicious" in line for line in lines)

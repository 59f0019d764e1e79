"""SARIF stays below the limits above which an upload is refused whole, and says what it left out."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from memory_sink import MemorySink
from run_facts import run_facts

from models.support.errors import ExitCode
from scanner.judgement.judging import Judged
from scanner.judgement.policy import FailOn, Gate, Policy
from scanner.judgement.tally import LeftOut, Tally
from scanner.reports import code_scanning, sarif
from scanner.reports.code_scanning import MOST_COMPRESSED, MOST_RESULTS, CompressedSize
from scanner.reports.report import ReportContext, RunEnd
from scanner.reports.sarif import SarifReport
from scanner.results import ErrorCode, FileResult, Finding, Status
from scanner.results.names import encode_path

FACTS = run_facts(Policy(0.7, 0.5, "option"), Gate(FailOn.INCONCLUSIVE))


def flagged(name: str, prob_fake: float) -> FileResult:
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return FileResult(encode_path(name), Status.OK, sha256=digest, findings=(Finding(1.5, prob_fake),))


def failed(name: str, *, skipped: bool = False) -> FileResult:
    status, error = (
        (Status.SKIPPED, ErrorCode.UNSUPPORTED_MEDIA) if skipped else (Status.ERROR, ErrorCode.CORRUPT_IMAGE)
    )
    return FileResult(encode_path(name), status, error)


def written(
    results: Iterable[FileResult],
    *,
    known: Callable[[FileResult], bool] = lambda _: False,
    keeps_known: bool = False,
) -> tuple[bytes, dict[str, Any], LeftOut]:
    """The report, its run, and what it says to have left out."""
    sink, tally = MemorySink(), Tally()
    report = SarifReport(sink, ReportContext(FACTS, sarif_known=keeps_known))
    report.begin()
    for result in results:
        report.add(Judged(result, FACTS.policy.verdict(result), known(result)))
    report.end(RunEnd(tally, ExitCode.OK, 1.0))
    (run,) = json.loads(sink.data)["runs"]
    return bytes(sink.data), run, tally.left_out_of_sarif


def uri(one: dict[str, Any]) -> str:
    return str(one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def notices(run: dict[str, Any]) -> dict[str, str]:
    """What is said of the report itself."""
    notes = run["invocations"][0]["toolExecutionNotifications"]
    return {note["descriptor"]["id"]: note["message"]["text"] for note in notes if "locations" not in note}


def long_name(seed: int) -> str:
    """3,000 bytes that gzip makes no smaller."""
    raw = random.Random(seed).randbytes(3000).replace(b"/", b"_").replace(b"\0", b"_")
    return raw.decode("utf-8", "surrogateescape")


@pytest.mark.slow
def test_of_too_many_results_the_most_suspicious_are_kept() -> None:
    scores = [(number * 7919 % 25_010) / 25_010 for number in range(25_010)]
    found = [flagged(f"d/{number}.jpg", 0.5 + score / 2) for number, score in enumerate(scores)]
    _, run, left_out = written(found)
    best = sorted(found, key=lambda result: result.prob_fake or 0.0, reverse=True)[:MOST_RESULTS]
    assert [uri(one) for one in run["results"]] == [result.path for result in best]
    assert len(run["results"]) == 25_000 and left_out == LeftOut(results=10)
    assert notices(run)["results_left_out"].endswith("25,000 in a run and 10 MB in gzip: 10")


def test_results_are_in_the_order_of_suspicion_and_equal_ones_as_they_came() -> None:
    names = {"a": 0.6, "b": 0.9, "c": 0.75, "d": 0.9}
    _, run, left_out = written([flagged(name, score) for name, score in names.items()])
    assert [uri(one) for one in run["results"]] == ["b", "d", "c", "a"]
    assert left_out == LeftOut() and notices(run) == {}


def test_what_the_baseline_knows_is_left_out_and_said() -> None:
    found = [flagged("new", 0.8), flagged("known", 0.9)]
    _, run, left_out = written(found, known=lambda result: result.path == "known")
    assert [uri(one) for one in run["results"]] == ["new"] and left_out == LeftOut(known=1)
    assert "--sarif-known" in notices(run)["known_left_out"]


def test_what_is_known_takes_the_place_of_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    found = [flagged("known", 0.99), flagged("other known", 0.98), flagged("new", 0.8)]
    _, run, left_out = written(found, known=lambda result: "known" in result.path, keeps_known=True)
    assert [uri(one) for one in run["results"]] == ["new", "known"] and left_out == LeftOut(results=1)
    assert [bool(one["suppressions"]) for one in run["results"]] == [False, True]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """A limit that a test reaches soon."""
    assert MOST_COMPRESSED == 10_000_000
    monkeypatch.setattr(code_scanning, "MOST_COMPRESSED", 1_200_000)
    return 1_200_000


@pytest.mark.slow
def test_results_stay_below_the_size_of_an_upload(small: int) -> None:
    found = [flagged(long_name(seed), 1 - seed / 10_000) for seed in range(300)]
    data, run, left_out = written([*found, failed("broken.jpg")])
    kept = len(run["results"])
    assert small - 550_000 < len(gzip.compress(data, 6)) < small
    assert left_out == LeftOut(results=300 - kept, notifications=1) and kept < 300
    ranks = [one["rank"] for one in run["results"]]
    assert ranks == sorted(ranks, reverse=True) and ranks[0] == 100.0
    assert set(notices(run)) == {"results_left_out", "notifications_left_out"}


@pytest.mark.slow
def test_so_do_notifications_and_errors_come_before_what_is_skipped(small: int) -> None:
    many = [failed(long_name(seed), skipped=seed % 2 == 0) for seed in range(300)]
    data, run, left_out = written([*many, flagged("fake.jpg", 0.9)])
    assert small - 550_000 < len(gzip.compress(data, 6)) < small
    *notes, last = run["invocations"][0]["toolExecutionNotifications"]
    levels = [note["level"] for note in notes]
    assert levels == ["error"] * 150 + ["note"] * (len(notes) - 150)
    assert left_out == LeftOut(notifications=300 - len(notes)) and left_out.notifications > 0
    assert last["descriptor"]["id"] == "notifications_left_out" and [uri(one) for one in run["results"]] == [
        "fake.jpg"
    ]


def test_what_can_be_compressed_is_counted_compressed() -> None:
    size = CompressedSize()
    for _ in range(4 * MOST_COMPRESSED // 1_000_000):
        size.add(b"the same again; " * 62_500)
    assert size.has_room_for(b"x" * (MOST_COMPRESSED // 2))


def test_the_run_says_what_is_left_out(
    here: Path, scan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 1)
    run = scan("in", "--out", "r.sarif", "--log-file", "log")
    assert run.code == ExitCode.FINDINGS
    assert run.err.count("results left out") == 1 and "warning: SARIF report: results left out" in run.err
    assert "WARNING SARIF report: results left out" in Path("log").read_text()
    counts = json.loads(Path("r.run.json").read_text())["counts"]
    assert counts["left_out_of_sarif"] == {"known": 0, "results": 1, "notifications": 0}
    (entry,) = json.loads(Path("r.sarif").read_text())["runs"]
    assert [uri(one) for one in entry["results"]] == ["in/sub/deep.png"] and len(notices(entry)) == 1

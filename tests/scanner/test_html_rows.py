"""The page's table stays small: all files of a small scan, the most suspicious of a large one."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import Counter
from typing import Any

import pytest
from memory_sink import MemorySink
from run_facts import run_facts

from models.support.errors import ExitCode
from scanner.judgement.judging import Judged
from scanner.judgement.policy import FailOn, Gate, Policy, Verdict
from scanner.judgement.tally import Tally
from scanner.reports import html, html_rows
from scanner.reports.html_rows import TableRows
from scanner.reports.report import ReportContext, RunEnd
from scanner.results import ErrorCode, FileResult, Finding, Status

POLICY = Policy(0.7, 0.4, "option")


def row(name: str, prob_fake: float | None, verdict: str | None = None, status: str = "ok") -> dict[str, Any]:
    return {"path": name, "status": status, "prob_fake": prob_fake, "verdict": verdict}


def names(rows: TableRows) -> list[str]:
    return [json.loads(line.lstrip(b",\n"))[0] for line in rows.lines()]


def test_few_rows_stay_in_the_order_of_the_scan() -> None:
    rows = TableRows(("path",), most_rows=3)
    for name, value in (("a", 0.1), ("b", 0.9), ("c", 0.5)):
        rows.add(row(name, value, Verdict.REAL))
    assert rows.left_out == 0 and names(rows) == ["a", "b", "c"]


def test_of_many_the_flagged_come_first_then_doubts_errors_and_the_highest_values() -> None:
    rows = TableRows(("path",), most_rows=5)
    rows.add(row("skipped", None, status="skipped"))
    rows.add(row("low", 0.2, Verdict.REAL))
    # A group picture may be flagged at a lower value than the one beside it is not.
    rows.add(row("doubt", 0.8, Verdict.INCONCLUSIVE))
    rows.add(row("flagged", 0.75, Verdict.FAKE))
    rows.add(row("error", None, status="error"))
    rows.add(row("high", 0.3, Verdict.REAL))
    rows.add(row("first of equals", 0.9, Verdict.FAKE))
    rows.add(row("second of equals", 0.9, Verdict.FAKE))
    assert rows.left_out == 3
    assert names(rows) == ["first of equals", "second of equals", "flagged", "doubt", "error"]


def test_long_names_do_not_make_a_long_page() -> None:
    rows = TableRows(("path",), most_bytes=1000)
    for number in range(10):
        rows.add(row(f"{number}" * 300, number / 10, Verdict.REAL))
    assert rows.left_out == 7
    assert [name[0] for name in names(rows)] == ["9", "8", "7"]


def test_memory_does_not_grow_with_the_scan() -> None:
    def peak(files: int) -> int:
        rows = TableRows(("path", "prob_fake"), most_rows=100)
        tracemalloc.start()
        for number in range(files):
            rows.add(row(f"{number:06}.jpg", number / files, Verdict.REAL))
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(names(rows)) == min(files, 100)
        return held

    # What waits in memory before it goes to the disk is a mebibyte.
    assert peak(40_000) < peak(4_000) + (2 << 20)


def page_of(results: list[FileResult]) -> str:
    sink = MemorySink()
    report = html.HtmlReport(sink, ReportContext(run_facts(POLICY, Gate(FailOn.FAKE))))
    report.begin()
    tally = Tally(statuses=Counter(result.status for result in results))
    for result in results:
        report.add(Judged(result, POLICY.verdict(result), False))
    report.end(RunEnd(tally, ExitCode.FINDINGS, 1.0))
    return sink.data.decode()


def some(number: int) -> list[FileResult]:
    scored = [
        FileResult(f"{n}.jpg", Status.OK, findings=(Finding(0.0, n / number),), sha256=f"{n:064x}")
        for n in range(number)
    ]
    return [*scored, FileResult("broken.jpg", Status.ERROR, ErrorCode.NOT_AN_IMAGE)]


def test_a_large_scans_page_says_what_its_table_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "TableRows", lambda shown: TableRows(shown, most_rows=40))
    page = page_of(some(100))
    found = re.search('<script type="application/json" id="rows">(.*?)</script>', page, re.DOTALL)
    assert found
    rows = json.loads(found[1])
    assert [one[0] for one in rows[:2]] == ["99.jpg", "98.jpg"] and len(rows) == 40
    assert "This table holds 40 of 101 files" in page and "The other 61 are counted above" in page
    assert "All files" not in page


def test_a_small_scans_page_says_nothing_of_it() -> None:
    page = page_of(some(10))
    assert "<h2>All files</h2>" in page and "This table holds" not in page


def test_the_limits_are_those_that_the_page_of_formats_tells() -> None:
    assert (html_rows.MOST_ROWS, html_rows.MOST_BYTES) == (20_000, 16 << 20)

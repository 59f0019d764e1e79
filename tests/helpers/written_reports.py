"""What the tests of written reports share."""

from __future__ import annotations

import hashlib
from typing import Any

from memory_sink import MemorySink
from run_facts import run_facts

from scanner import FileResult, Finding, Policy, Status, encode_path
from scanner.judgement.judging import Judged
from scanner.judgement.policy import FailOn, Gate
from scanner.judgement.tally import Tally
from scanner.reports.formats import format_named
from scanner.reports.report import ReportContext, RunEnd
from scanner.results import ErrorCode

HOSTILE = (
    "<script>alert(1)</script>.jpg", "</script><img src=x onerror=alert(1)>.png", "<!--.png", "a&b\"c'd.png", "]]>.png",
    "caf\udce9.png", "tab\there.png", "new\nline.png", "\x1b[31mred.png", "\x01.png",
    "\ufffe.png", "https:evil.png", "=cmd.png", "a b%20c#d?e.png", "\u202egnp.exe", "日本.png",
)  # fmt: skip


def result(name: str, prob_fake: float | None = 0.25, **facts: Any) -> FileResult:
    known: dict[str, Any] = {
        "format": "PNG", "width": 12, "height": 10, "bytes": 321,
        "sha256": hashlib.sha256(repr(name).encode()).hexdigest(), "frames": 1,
    }  # fmt: skip
    if prob_fake is None:
        return FileResult(encode_path(name), **facts)
    return FileResult(encode_path(name), Status.OK, findings=(Finding(1.5, prob_fake),), **known | facts)


MIXED = [
    result("a.png", 0.9),
    result("in/b.png", 0.6),
    result("in/c.png", 0.1),
    result("in/d.png", None, status=Status.ERROR, error=ErrorCode.CORRUPT_IMAGE, detail="cut < off", bytes=7),
    result("/abs/e.mp4", None, status=Status.SKIPPED, error=ErrorCode.UNSUPPORTED_MEDIA, bytes=9),
    *(result(f"odd/{name}", 0.95) for name in HOSTILE),
]


ONE_THRESHOLD = Policy(0.7, 0.5, "option")


def written(
    format_: str,
    results: list[FileResult],
    fail_on: FailOn = FailOn.FAKE,
    policy: Policy = ONE_THRESHOLD,
) -> bytes:
    gate = Gate(fail_on)
    facts = run_facts(policy, gate, model="<m>")
    sink, tally = MemorySink(), Tally()
    report = format_named(format_).make(sink, ReportContext(facts))
    report.begin()
    for one in results:
        verdict = policy.verdict(one)
        report.add(Judged(one, verdict))
        tally.statuses[one.status] += 1
        if verdict is not None:
            tally.verdicts[verdict] += 1
        if one.error is not None:
            tally.errors[one.error] += 1
    code = gate.exit_code(tally.errors, tally.verdicts)
    report.end(RunEnd(tally, code, 1.5))
    return sink.data

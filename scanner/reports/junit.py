"""JUnit XML, as CI servers read it: a test case per file; fake = failure, unreadable = error, skipped = skipped."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from scanner.judgement.judging import Judged
from scanner.judgement.policy import Verdict, format_probability
from scanner.reports.report import TOOL, ReportContext, ReportFormat, RunEnd
from scanner.reports.row import deciding_face, declared_words, where_decided
from scanner.reports.sinks import Sink
from scanner.reports.spool import Spool
from scanner.reports.uris import Uris
from scanner.results import FileResult, Status

_BEGINNING = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="{TOOL}"'.encode()
# Whatever XML 1.0 does not allow, not even as a character reference (section 2.2), and line breaks, which readers
# turn into spaces.
_FORBIDDEN = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def looks_like_junit(content: bytes) -> bool:
    return content.startswith(_BEGINNING) or _BEGINNING.startswith(content)


class JunitReport:
    """The counts stand at the beginning, so the cases wait in a spool."""

    def __init__(self, sink: Sink, context: ReportContext) -> None:
        self._sink, self._facts = sink, context.facts
        self._uris = None if context.facts.redacted else Uris()
        self._cases = Spool()
        self._failures = 0
        self._unskipped = 0
        """Files without a score that are failures all the same."""

    def begin(self) -> None:
        return

    def add(self, judged: Judged) -> None:
        result = judged.result
        folder, _, name = result.path.rpartition("/")
        file = result.path if self._uris is None else self._uris.path(result.path)
        place = f"classname={_attribute(folder or '.')} name={_attribute(name)} file={_attribute(file)}"
        case = f"    <testcase {place}"
        inner = self._inner(judged)
        self._cases.write(f"{case}>{inner}</testcase>\n".encode() if inner else f"{case}/>\n".encode())

    def end(self, end: RunEnd) -> None:
        statuses = end.tally.statuses
        counts = (
            f'tests="{end.tally.files}" failures="{self._failures}" errors="{statuses[Status.ERROR]}" '
            f'skipped="{statuses[Status.SKIPPED] - self._unskipped}"'
        )
        self._sink.write(
            _BEGINNING + f" {counts}>\n  <testsuite name={_attribute(TOOL)} {counts}>\n".encode()
        )
        self._cases.copy_to(self._sink.write)
        self._sink.write(b"  </testsuite>\n</testsuites>\n")

    def _inner(self, judged: Judged) -> str:
        result, gate = judged.result, self._facts.gate
        verdict = judged.verdict if judged.verdict is not None and gate.matches(judged.verdict) else None
        declared = declared_words(result) if gate.matches_declared(result.declared) else None
        kind = "declared generated" if verdict is None else verdict.value
        if (verdict or declared) and not judged.is_known and result.status is not Status.ERROR:
            self._failures += 1
            self._unskipped += result.status is Status.SKIPPED
            messages = [] if verdict is None else [self._score_words(result, verdict)]
            messages += [] if declared is None else [declared]
            return _reason("failure", "; ".join(messages), kind)
        if result.status is Status.OK:
            known = f"<system-out>{kind}, known from the baseline</system-out>"
            return known if verdict or declared else ""
        code = result.error.value if result.error is not None else ""
        message = f"{code}: {result.detail}" if result.detail else code
        if result.status is Status.SKIPPED:
            return _reason("skipped", message)
        return _reason("error", message, code)

    def _score_words(self, result: FileResult, verdict: Verdict) -> str:
        limit = self._facts.policy.limit(result, verdict)
        message = (
            f"{verdict.value}: prob_fake {format_probability(result.prob_fake or 0.0)}, from {limit:g} up"
        )
        if (face := deciding_face(result)) is not None:
            message += f"; {face}, at {where_decided(result)}"
        return message


def _reason(element: str, message: str, type_: str | None = None) -> str:
    """Twice: Jenkins and others show the attribute, GitLab shows the content alone."""
    attributes = f"message={_attribute(message)}"
    if type_ is not None:
        attributes = f"type={_attribute(type_)} {attributes}"
    return f"<{element} {attributes}>{escape(_allowed(message))}</{element}>"


def _attribute(text: str) -> str:
    return quoteattr(_allowed(text))


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


FORMAT = ReportFormat(looks_like_junit, JunitReport)

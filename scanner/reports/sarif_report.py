"""SARIF 2.1.0, as code scanning reads it: a result for each file that matches ``--fail-on``.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import quote

from models.errors import ExitCode
from scanner.names import decode_path
from scanner.policy import Verdict, format_probability
from scanner.reports.base import Sink
from scanner.reports.report import TOOL, RunEnd, RunFacts
from scanner.reports.spool import Spool
from scanner.results import FileResult, Status

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_BEGINNING = (
    f'{{"$schema":"{SCHEMA_URI}","version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"{TOOL}"'.encode()
)

_RULES: dict[Verdict, dict[str, Any]] = {
    Verdict.FAKE: {
        "id": "fake",
        "name": "ProbablyDeepfake",
        "shortDescription": {
            "text": "The picture's probability of being a deepfake is at the threshold or above it."
        },
        "fullDescription": {
            "text": "A probability under the model's data, with the error rates of its card; not a finding that the "
            "picture is false. A person should look at it."
        },
        "defaultConfiguration": {"level": "error"},
        "help": {"text": "See the report's prob_fake, the model's card and docs/report.md."},
    },
    Verdict.INCONCLUSIVE: {
        "id": "inconclusive",
        "name": "InconclusiveScore",
        "shortDescription": {"text": "The picture's probability of being a deepfake is too close to call."},
        "fullDescription": {"text": "Below the threshold, and within the model's inconclusive band."},
        "defaultConfiguration": {"level": "warning"},
        "help": {"text": "See docs/report.md."},
    },
}
_RULE_NUMBERS = {verdict: number for number, verdict in enumerate(_RULES)}


def looks_like_sarif(content: bytes) -> bool:
    return content.startswith(_BEGINNING) or _BEGINNING.startswith(content)


def artifact_location(path: str) -> dict[str, str]:
    """For a path as reports print it: percent-encoded bytes, relative to the working folder if the path was."""
    raw = os.fsencode(decode_path(path))
    if path.startswith("/"):
        return {"uri": "file://" + quote(raw)}
    # A first segment with a colon would be read as a scheme: quote() encodes it.
    return {"uri": quote(raw), "uriBaseId": _ROOT}


class SarifReport:
    """Results as they come; notifications for what could not be audited wait in a spool."""

    def __init__(self, sink: Sink, facts: RunFacts) -> None:
        self._sink, self._facts = sink, facts
        self._notifications = Spool()
        self._is_first = True

    def begin(self) -> None:
        driver = json.dumps({"version": self._facts.version, "rules": list(_RULES.values())})
        root = (
            "None: names are redacted, each stands for the number of a row."
            if self._facts.redacted
            else "The folder in which the scan was started."
        )
        base = json.dumps({_ROOT: {"description": {"text": root}}})
        self._sink.write(_BEGINNING + f',{driver[1:]}}},"originalUriBaseIds":{base},"results":['.encode())

    def add(self, result: FileResult, verdict: Verdict | None, *, is_known: bool = False) -> None:
        if verdict is not None and self._facts.gate.matches(verdict):
            self._sink.write(
                (b"\n" if self._is_first else b",\n") + _json(self._result(result, verdict, is_known))
            )
            self._is_first = False
        elif result.status is not Status.OK:
            before = b"\n" if self._notifications.is_empty else b",\n"
            self._notifications.write(before + _json(_notification(result)))

    def end(self, end: RunEnd) -> None:
        complete = end.code is not ExitCode.INCOMPLETE
        invocation = {"executionSuccessful": complete, "exitCode": int(end.code)}
        head = json.dumps(invocation)[:-1]
        self._sink.write(f'\n],"invocations":[{head}, "toolExecutionNotifications":['.encode())
        self._notifications.copy_to(self._sink.write)
        properties = {"model": self._facts.model_sha256, "threshold": self._facts.policy.threshold}
        self._sink.write(b'\n]}],"properties":' + _json(properties) + b"}]}\n")

    def _result(self, result: FileResult, verdict: Verdict, is_known: bool) -> dict[str, Any]:
        printed = format_probability(result.prob_fake or 0.0)
        return {
            "ruleId": _RULES[verdict]["id"],
            "ruleIndex": _RULE_NUMBERS[verdict],
            "level": _RULES[verdict]["defaultConfiguration"]["level"],
            "rank": round(100 * float(printed), 4),
            "message": {
                "text": f"{verdict.value}: prob_fake {printed} (threshold {self._facts.policy.threshold:g})"
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": artifact_location(result.path),
                        # A picture has no lines; code scanning shows nothing without one.
                        "region": {"startLine": 1, "startColumn": 1},
                    }
                }
            ],
            "partialFingerprints": {"sha256/v1": result.sha256 or ""},
            "baselineState": "unchanged" if is_known else "new",
            # Code scanning closes what is suppressed.
            "suppressions": [{"kind": "external", "justification": "in the baseline"}] if is_known else [],
            **({"properties": {"provenance": result.provenance}} if result.provenance else {}),
        }


def _notification(result: FileResult) -> dict[str, Any]:
    code = result.error.value if result.error is not None else "unknown"
    return {
        "level": "error" if result.status is Status.ERROR else "note",
        "descriptor": {"id": code},
        "message": {"text": f"{code}: {result.detail}" if result.detail else code},
        "locations": [{"physicalLocation": {"artifactLocation": artifact_location(result.path)}}],
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()

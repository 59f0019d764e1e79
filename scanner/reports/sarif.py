"""SARIF 2.1.0, as code scanning reads it: a result for each file that matches ``--fail-on``.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

from models.support.errors import ExitCode
from scanner.judgement.judging import Judged
from scanner.judgement.policy import Verdict, format_probability
from scanner.judgement.ranking import Ranking
from scanner.judgement.tally import LeftOut
from scanner.reports.code_scanning import MOST_RESULTS, CompressedSize, notices_of
from scanner.reports.report import TOOL, ReportContext, ReportFormat, RunEnd
from scanner.reports.row import deciding_face, declared_words, where_decided
from scanner.reports.sinks import Sink
from scanner.reports.spool import Piece, Spool
from scanner.reports.uris import ROOT, Uris, plain_location
from scanner.results import Declared, FileResult, Status

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
NOT_FLAGGED = "not flagged"
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
_DECLARED_RULE = {
    "id": "declared-generated",
    "name": "SaysItIsGenerated",
    "shortDescription": {
        "text": "The file says of itself that a generator made the picture, whole or in part."
    },
    "fullDescription": {
        "text": "A fact of the file's metadata, which anybody can write and remove; the score has no part in it."
    },
    "defaultConfiguration": {"level": "warning"},
    "help": {"text": "See the result's provenance and docs/declared.md."},
}


def looks_like_sarif(content: bytes) -> bool:
    return content.startswith(_BEGINNING) or _BEGINNING.startswith(content)


class SarifReport:
    """Results, the most suspicious first, and notifications for what could not be audited; both wait in spools."""

    def __init__(self, sink: Sink, context: ReportContext) -> None:
        self._sink, self._facts, self._keeps_known = sink, context.facts, context.sarif_known
        self._uris = None if context.facts.redacted else Uris()
        self._size = CompressedSize()
        self._results, self._found = Spool(), 0
        self._best: Ranking[Piece] = Ranking(MOST_RESULTS)
        # Where not all have room, a file that could not be read matters more than one that was skipped.
        self._notifications = {status: Spool() for status in (Status.ERROR, Status.SKIPPED)}
        self._left_out = LeftOut()
        self._rules = list(_RULES.values())
        if self._facts.gate.matches_declared(Declared.GENERATED):
            self._rules.append(_DECLARED_RULE)

    def begin(self) -> None:
        driver = json.dumps({"version": self._facts.version, "rules": self._rules})
        root = (
            "None: names are redacted, each stands for the number of a row."
            if self._uris is None
            else self._uris.root_description
        )
        base = json.dumps({ROOT: {"description": {"text": root}}})
        self._write(_BEGINNING + f',{driver[1:]}}},"originalUriBaseIds":{base},"results":['.encode())

    def add(self, judged: Judged) -> None:
        result, rule = judged.result, self._rule(judged)
        if result.status is not Status.OK:
            self._left_out.notifications += 1
            self._notifications[result.status].write(_json(self._notification(result)) + b"\n")
        if rule is not None:
            if judged.is_known and not self._keeps_known:
                self._left_out.known += 1
                return
            self._found += 1
            # What is known takes the place of nothing new.
            key = (not judged.is_known, result.prob_fake or 0.0)
            if self._best.admits(key):
                self._best.add(key, self._results.write(_json(self._result(judged, rule))))

    def end(self, end: RunEnd) -> None:
        self._left_out.results = self._found - self._write_list(self._results.pieces(self._best.items()))
        complete = end.code is not ExitCode.INCOMPLETE
        invocation = {"executionSuccessful": complete, "exitCode": int(end.code)}
        head = json.dumps(invocation)[:-1]
        self._write(f'\n],"invocations":[{head}, "toolExecutionNotifications":['.encode())
        lines = (spool.lines() for spool in self._notifications.values())
        written = self._write_list(chain.from_iterable(lines))
        self._left_out.notifications -= written
        end.tally.left_out_of_sarif = self._left_out
        notices = [
            {"level": notice.level, "descriptor": {"id": notice.id}, "message": {"text": notice.text}}
            for notice in notices_of(self._left_out)
        ]
        self._write((b"," if written and notices else b"") + b",".join(map(_json, notices)))
        policy = self._facts.policy
        properties = {"model": self._facts.model.sha256, "threshold": policy.threshold}
        if policy.by_faces is not None:
            properties["thresholds_by_faces"] = policy.by_faces
        self._write(b'\n]}],"properties":' + _json(properties) + b"}]}\n")

    def _write(self, data: bytes) -> None:
        self._size.add(data)
        self._sink.write(data)

    def _write_list(self, records: Iterable[bytes]) -> int:
        """Of a JSON list, the first for which there is room; how many these were. All are read, so that spools end."""
        written, is_full = 0, False
        for record in records:
            data = (b",\n" if written else b"\n") + record.rstrip(b"\n")
            is_full = is_full or not self._size.has_room_for(data)
            if not is_full:
                self._write(data)
                written += 1
        return written

    def _location(self, path: str) -> dict[str, str]:
        return plain_location(path) if self._uris is None else self._uris.location(path)

    def _rule(self, judged: Judged) -> dict[str, Any] | None:
        """That of the score where both hold."""
        if judged.verdict is not None and self._facts.gate.matches(judged.verdict):
            return _RULES[judged.verdict]
        return _DECLARED_RULE if self._facts.gate.matches_declared(judged.result.declared) else None

    def _words(self, judged: Judged) -> str:
        result, words = judged.result, []
        if (verdict := judged.verdict) is not None:
            printed = format_probability(result.prob_fake or 0.0)
            threshold = self._facts.policy.limit(result, Verdict.FAKE)
            word = NOT_FLAGGED if verdict is Verdict.REAL else verdict.value
            words.append(f"{word}: prob_fake {printed} (threshold {threshold:g})")
            if (face := deciding_face(result)) is not None:
                words.append(face)
        if self._facts.gate.matches_declared(result.declared):
            words.append(declared_words(result) or "")
        return ", ".join(words)

    def _result(self, judged: Judged, rule: dict[str, Any]) -> dict[str, Any]:
        result, is_known = judged.result, judged.is_known
        told = {
            "provenance": result.provenance,
            "declared": result.declared,
            "faces": result.faces,
            "where": where_decided(result),
            "pixels": result.pixels,
        }
        properties = {name: value for name, value in told.items() if value}
        rank = {}
        if result.prob_fake is not None:
            rank = {"rank": round(100 * float(format_probability(result.prob_fake)), 4)}
        return {
            "ruleId": rule["id"],
            "ruleIndex": self._rules.index(rule),
            "level": rule["defaultConfiguration"]["level"],
            **rank,
            "message": {"text": self._words(judged)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": self._location(result.path),
                        # A picture has no lines; code scanning shows nothing without one.
                        "region": {"startLine": 1, "startColumn": 1},
                    }
                }
            ],
            "partialFingerprints": {"sha256/v1": result.sha256 or ""},
            **({"baselineState": "unchanged" if is_known else "new"} if self._facts.has_baseline else {}),
            "suppressions": [{"kind": "external", "justification": "in the baseline"}] if is_known else [],
            **({"properties": properties} if properties else {}),
        }

    def _notification(self, result: FileResult) -> dict[str, Any]:
        code = result.error.value if result.error is not None else "unknown"
        return {
            "level": "error" if result.status is Status.ERROR else "note",
            "descriptor": {"id": code},
            "message": {"text": f"{code}: {result.detail}" if result.detail else code},
            "locations": [{"physicalLocation": {"artifactLocation": self._location(result.path)}}],
        }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()


FORMAT = ReportFormat(looks_like_sarif, SarifReport)

"""JSON Lines, schema 1: everything that is known of each file, one object a line."""

from __future__ import annotations

import json
from typing import Any

from scanner.policy import Verdict, format_probability
from scanner.reports.base import Sink
from scanner.reports.csv_report import KNOWN
from scanner.reports.report import RunEnd, RunFacts
from scanner.results import FileResult, Finding

SCHEMA = "deepfake-scanner/file/1"
_BEGINNING = f'{{"schema":"{SCHEMA[:-1]}'.encode()


def looks_like_jsonl(content: bytes) -> bool:
    return content.startswith(_BEGINNING) or _BEGINNING.startswith(content)


class JsonlReport:
    """UTF-8; numbers as the model gave them, ``prob_fake`` rounded as in every report."""

    def __init__(self, sink: Sink, facts: RunFacts) -> None:
        self._sink, self._facts = sink, facts

    def begin(self) -> None:
        return

    def add(self, result: FileResult, verdict: Verdict | None, *, is_known: bool = False) -> None:
        prob_fake = result.prob_fake
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "path": result.path,
            "status": result.status.value,
            "prob_fake": None if prob_fake is None else float(format_probability(prob_fake)),
            "verdict": None if verdict is None else verdict.value,
            "error": None if result.error is None else result.error.value,
            "detail": result.detail or None,
            "format": result.format,
            "width": result.width,
            "height": result.height,
            "bytes": result.bytes,
            "sha256": result.sha256,
            "model": None if prob_fake is None else self._facts.model_sha256,
            "frames": result.frames,
            "baseline": KNOWN if is_known else None,
            "provenance": result.provenance,
            "findings": [_finding(finding) for finding in result.findings],
        }
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._sink.write(line.encode("utf-8", "backslashreplace") + b"\n")

    def end(self, end: RunEnd) -> None:
        return


def _finding(finding: Finding) -> dict[str, Any]:
    region = finding.region
    return {
        "logit": finding.logit,
        "prob_fake": finding.prob_fake,
        "region": [region.left, region.top, region.right, region.bottom],
        "frame": finding.frame,
        "time": finding.time,
    }

"""A result as a line of JSON, and back without loss: floats come back to the last bit."""

from __future__ import annotations

import json
from typing import Any

from scanner.results import ErrorCode, FileResult, Finding, Region, Stamp, Status

RECORD_VERSION = 1
"""Raised with each change of what a record holds, or of what its texts say."""

FACTS = ("detail", "format", "width", "height", "bytes", "sha256", "frames", "provenance")
"""The fields of a result that are plain values, in the order in which they are written."""


def record_line(result: FileResult) -> bytes:
    """With its line end. The name comes first."""
    stamp = result.stamp
    record = [
        result.path,
        result.status.value,
        None if result.error is None else result.error.value,
        *(getattr(result, fact) for fact in FACTS),
        stamp,
        [_finding_values(finding) for finding in result.findings],
    ]
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read_record(line: bytes) -> FileResult:
    """Raises ``ValueError`` for anything but a whole line of :func:`record_line`."""
    if not line.endswith(b"\n"):
        raise ValueError("cut off")
    try:
        path, status, error, *facts, stamp, findings = json.loads(line)
        return FileResult(
            path,
            Status(status),
            None if error is None else ErrorCode(error),
            **dict(zip(FACTS, facts, strict=True)),
            findings=tuple(_read_finding(*values) for values in findings),
            stamp=None if stamp is None else Stamp(*stamp),
        )
    except TypeError as problem:
        raise ValueError(str(problem)) from None


def record_name(line: bytes) -> str:
    """The name alone. Raises ``ValueError`` like :func:`read_record`."""
    record = json.loads(line)
    if not (line.endswith(b"\n") and isinstance(record, list) and record and isinstance(record[0], str)):
        raise ValueError("no record")
    return record[0]


def _finding_values(finding: Finding) -> list[Any]:
    region = finding.region
    return [
        finding.logit,
        finding.prob_fake,
        [region.left, region.top, region.right, region.bottom],
        finding.frame,
        finding.time,
    ]


def _read_finding(
    logit: float, prob_fake: float, region: list[float], frame: int, time: float | None
) -> Finding:
    return Finding(logit, prob_fake, Region(*region), frame, time)

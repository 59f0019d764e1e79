"""The findings as CSV, schema 1: a row for each score and each face without one; docs/formats.md has the columns."""

from __future__ import annotations

import math

from scanner.judgement.judging import Judged
from scanner.judgement.policy import format_probability
from scanner.reports.csv import csv_line
from scanner.reports.report import ReportContext, ReportFormat, RunEnd
from scanner.reports.row import edges, seconds_text
from scanner.reports.sinks import Sink
from scanner.results import FileResult, Finding, Region, UnscoredFace

COLUMNS = (
    "path",
    "sha256",
    "finding",
    "frame",
    "time",
    "left",
    "top",
    "right",
    "bottom",
    "square",
    "face",
    "logit",
    "prob_fake",
    "decides",
    "reason",
    "track",
    "track_prob_fake",
)
# New columns come on the right only.
_BEGINNING = ",".join(COLUMNS).encode("ascii")


def looks_like_findings(head: bytes) -> bool:
    """Whether a file that begins with ``head`` holds findings of a scan, or is the cut-off beginning of such a file."""
    return head.startswith(_BEGINNING) or _BEGINNING.startswith(head)


class FindingsReport:
    """Written like :class:`scanner.reports.csv.CsvReport`. A file without a face has no row."""

    def __init__(self, sink: Sink, context: ReportContext) -> None:
        self._sink = sink

    def begin(self) -> None:
        self._sink.write(csv_line(COLUMNS))

    def add(self, judged: Judged) -> None:
        result = judged.result
        lines = [
            csv_line(_scored(result, finding, number))
            for number, finding in enumerate(result.findings, start=1)
        ]
        lines += [csv_line(_unscored(result, face)) for face in result.unscored_faces]
        if lines:
            # At once: an interruption leaves all findings of a file or none.
            self._sink.write(b"".join(lines))

    def end(self, end: RunEnd) -> None:
        return


def _scored(result: FileResult, finding: Finding, number: int) -> tuple[object, ...]:
    return (
        result.path,
        result.sha256,
        number,
        finding.frame,
        seconds_text(finding.time),
        *edges(finding.region),
        None if finding.face is None else _square(result, finding.region),
        None if finding.face is None else f"{finding.face:.4f}",
        f"{finding.logit:.6f}",
        format_probability(finding.prob_fake),
        "yes" if finding is result.deciding else "no",
        None,
        finding.track,
        _of_track(result, finding),
    )


def _of_track(result: FileResult, finding: Finding) -> str | None:
    value = next((track.prob_fake for track in result.tracks if track.number == finding.track), None)
    return None if value is None else format_probability(value)


def _unscored(result: FileResult, face: UnscoredFace) -> tuple[object, ...]:
    place = (*edges(face.region), _square(result, face.region), f"{face.face:.4f}")
    when = (face.frame, seconds_text(face.time))
    return (result.path, result.sha256, None, *when, *place, None, None, "no", face.reason.value, None, None)


def _square(result: FileResult, region: Region) -> int | None:
    """Side of a face's square, in pixels of the file."""
    if result.width is None or result.height is None:
        return None
    # Width times height is the same as stored and upright, and the square's is that of its fractions.
    share = (region.right - region.left) * (region.bottom - region.top)
    return round(math.sqrt(share * result.width * result.height))


FORMAT = ReportFormat(looks_like_findings, FindingsReport)

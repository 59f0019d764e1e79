"""The CSV report, schema 1: one row per file for ever; docs/report.md describes every column."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scanner.judgement.judging import Judged
from scanner.judgement.policy import format_probability
from scanner.reports.report import ReportContext, ReportFormat, RunEnd
from scanner.reports.row import COLUMNS, row_of
from scanner.reports.sinks import Sink

# New columns come on the right only, so every report of any version begins like this.
_BEGINNING = ",".join(COLUMNS[: COLUMNS.index("frames") + 1]).encode("ascii")


def looks_like_report(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a report, or the cut-off beginning of one."""
    return head.startswith(_BEGINNING) or _BEGINNING.startswith(head)


class CsvReport:
    """UTF-8 without BOM, ``\\n`` line ends, quoting of RFC 4180."""

    def __init__(self, sink: Sink, context: ReportContext) -> None:
        self._sink = sink
        self._model = context.facts.model.sha256

    def begin(self) -> None:
        self._write(COLUMNS)

    def add(self, judged: Judged) -> None:
        row = row_of(judged, model_sha256=self._model)
        if row["prob_fake"] is not None:
            row["prob_fake"] = format_probability(row["prob_fake"])
        self._write(row.values())

    def end(self, end: RunEnd) -> None:
        return

    def _write(self, cells: Iterable[object]) -> None:
        self._sink.write(csv_line(cells))


def csv_line(cells: Iterable[object], *, errors: str = "strict") -> bytes:
    """A row with its line end; ``None`` is an empty cell. ``errors``: as in ``str.encode``."""
    return (",".join(_cell(value) for value in cells) + "\n").encode("utf-8", errors)


_needs_quotes = re.compile('[,"\r\n]').search


def _cell(value: object) -> str:
    """Quoted where RFC 4180 asks for it.

    ``csv.writer`` leaves a carriage return bare when lines end with a line feed (before Python 3.13), and every
    reader then sees a row that ends there.
    """
    if value is None:
        return ""
    text = str(value)
    if _needs_quotes(text):
        return '"' + text.replace('"', '""') + '"'
    return text


FORMAT = ReportFormat(looks_like_report, CsvReport)

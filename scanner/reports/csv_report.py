"""The CSV report, schema 1: one row per file for ever; docs/report.md describes every column."""

from __future__ import annotations

import csv
import io

from scanner.policy import Verdict, format_probability
from scanner.reports.base import Sink
from scanner.results import FileResult

SCHEMA_VERSION = 1
COLUMNS = (
    "path",
    "status",
    "prob_fake",
    "verdict",
    "error",
    "format",
    "width",
    "height",
    "bytes",
    "sha256",
    "model",
    "frames",
)
MODEL_DIGITS = 12


class CsvReport:
    """UTF-8 without BOM, ``\\n`` line ends, quoting of RFC 4180."""

    def __init__(self, sink: Sink, *, model_sha256: str) -> None:
        self._sink = sink
        self._model = model_sha256[:MODEL_DIGITS]

    def begin(self) -> None:
        self._write(COLUMNS)

    def add(self, result: FileResult, verdict: Verdict | None) -> None:
        prob_fake = result.prob_fake
        self._write(
            (
                result.path,
                result.status.value,
                "" if prob_fake is None else format_probability(prob_fake),
                "" if verdict is None else verdict.value,
                "" if result.error is None else result.error.value,
                result.format,
                result.width,
                result.height,
                result.bytes,
                result.sha256,
                self._model if prob_fake is not None else "",
                result.frames,
            )
        )

    def _write(self, cells: tuple[object, ...]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self._sink.write(line.getvalue().encode("utf-8"))

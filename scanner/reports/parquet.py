"""Parquet, schema 1: the CSV's columns with their types, and the findings as a list. Needs the extra ``[parquet]``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from models.support.dependencies import require_extra
from scanner.judgement.judging import Judged
from scanner.reports.jsonl import finding_values
from scanner.reports.report import TOOL, ReportContext, ReportFormat, RunEnd, RunFacts
from scanner.reports.row import SCHEMA_VERSION, row_of
from scanner.reports.sinks import Sink

if TYPE_CHECKING:
    import pyarrow

ROWS_AT_ONCE = 10_000
_MAGIC = b"PAR1"


def looks_like_parquet(content: bytes) -> bool:
    """Ours has our name in its footer; one that was cut off has no footer."""
    if _MAGIC.startswith(content):
        return True
    return content.startswith(_MAGIC) and (not content.endswith(_MAGIC) or TOOL.encode() in content)


class ParquetReport:
    """A row group for every 10,000 files."""

    def __init__(self, sink: Sink, context: ReportContext) -> None:
        facts = context.facts
        require_extra(
            "parquet",
            ["pyarrow", "pyarrow.parquet"],
            needed_by="a Parquet report",
            otherwise="or write another format",
        )
        import pyarrow
        from pyarrow import parquet

        self._model = facts.model.sha256
        self._arrow = pyarrow
        self._schema = _schema(pyarrow, facts)
        self._rows: list[dict[str, Any]] = []
        self._file = pyarrow.PythonFile(_Target(sink), mode="w")
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def begin(self) -> None:
        return

    def add(self, judged: Judged) -> None:
        row = row_of(judged, model_sha256=self._model)
        self._rows.append({**row, "findings": [finding_values(one) for one in judged.result.findings]})
        if len(self._rows) >= ROWS_AT_ONCE:
            self._write()

    def end(self, end: RunEnd) -> None:
        self._write()
        self._writer.close()
        self._file.close()

    def _write(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()


class _Target(io.RawIOBase):
    """A sink as pyarrow wants it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._sink.write(bytes(data))
        return len(data)


def _schema(arrow: Any, facts: RunFacts) -> pyarrow.Schema:
    word = arrow.dictionary(arrow.int32(), arrow.string())
    types = {
        "path": arrow.string(),
        "status": word,
        "prob_fake": arrow.float64(),
        "verdict": word,
        "error": word,
        "format": word,
        "width": arrow.int32(),
        "height": arrow.int32(),
        "bytes": arrow.int64(),
        "sha256": arrow.string(),
        "model": word,
        "frames": arrow.int32(),
        "baseline": word,
        "provenance": arrow.string(),
        "faces": arrow.int32(),
        "where": arrow.string(),
        "seconds": arrow.float64(),
        "declared": word,
        "container": word,
        "pixels": word,
        "findings": arrow.list_(_finding_type(arrow)),
    }
    schema = arrow.schema(
        [arrow.field(name, type_, name not in ("path", "status")) for name, type_ in types.items()]
    )
    return schema.with_metadata(
        {"tool": f"{TOOL} {facts.version}", "report_schema": str(SCHEMA_VERSION), "model": facts.model.sha256}
    )


def _finding_type(arrow: Any) -> pyarrow.StructType:
    """With the keys of :func:`scanner.reports.jsonl.finding_values`."""
    types = {
        "logit": arrow.float64(),
        "prob_fake": arrow.float64(),
        "region": arrow.list_(arrow.float64()),
        "frame": arrow.int32(),
        "time": arrow.float64(),
        "face": arrow.float64(),
        "track": arrow.int32(),
    }
    return arrow.struct(list(types.items()))


FORMAT = ReportFormat(looks_like_parquet, ParquetReport)

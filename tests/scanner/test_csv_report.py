"""The CSV report, schema 1, as other programs read it."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_sink import MemorySink

from scanner import ErrorCode, FileResult, Finding, Status, Verdict, decode_path, encode_path
from scanner.judgement.judging import Judged
from scanner.reports.csv import CsvReport, looks_like_report
from scanner.reports.report import ReportContext
from scanner.reports.row import COLUMNS
from scanner.results import Declared

SHA256 = "ab" * 32
OK = FileResult(
    "in/a.png", Status.OK, format="PNG", width=30, height=20, bytes=99, sha256="cd" * 32, frames=1,
    findings=(Finding(2.0, 0.1234567),),
)  # fmt: skip


def report(*rows: tuple[FileResult, Verdict | None], known: bool = False) -> bytes:
    sink = MemorySink()
    facts: Any = SimpleNamespace(model=SimpleNamespace(sha256=SHA256))
    written = CsvReport(sink, ReportContext(facts))
    written.begin()
    for result, verdict in rows:
        written.add(Judged(result, verdict, known))
    return sink.data


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))


def test_schema_1_to_the_byte() -> None:
    skipped = FileResult("b.mp4", Status.SKIPPED, ErrorCode.UNSUPPORTED_MEDIA, "not a still image", bytes=7)
    failed = FileResult("c.png", Status.ERROR, ErrorCode.INFERENCE_FAILED, "nan", "PNG", 1, 2, 3, "ef", 1)
    marked = report((replace(OK, provenance="c2pa", declared=Declared.EDITED), Verdict.REAL), known=True)
    assert marked + report((skipped, None), (failed, None)).partition(b"\n")[2] == (
        b"path,status,prob_fake,verdict,error,format,width,height,bytes,sha256,model,frames,baseline,provenance,faces,where,seconds,"
        b"declared,container,pixels\n"
        b"in/a.png,ok,0.123457,real,,PNG,30,20,99," + b"cd" * 32 + b",abababababab,1,known,c2pa,,,,edited,,\n"
        b"b.mp4,skipped,,,unsupported_media,,,,7,,,,,,,,,,,\n"
        b"c.png,error,,,inference_failed,PNG,1,2,3,ef,,1,,,,,,,,\n"
    )


def test_free_text_never_reaches_a_report() -> None:
    assert b"secret" not in report((FileResult("a", Status.ERROR, ErrorCode.READ_FAILED, "secret"), None))


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("a,b.png", b'"a,b.png"'),
        ('say "x".png', b'"say ""x"".png"'),
        ("two\nlines", b'"two\nlines"'),
        ("carriage\rreturn", b'"carriage\rreturn"'),
        (" space ", b" space "),
        ("é \u2028.png", "é \u2028.png".encode()),
    ],
)
def test_cells_are_quoted_where_rfc_4180_asks_for_it(name: str, cell: bytes) -> None:
    data = report((FileResult(name, Status.OK), None))
    assert data.partition(b"\n")[2].startswith(cell + b",ok,")
    assert read(data)[1][0] == name


@given(
    st.lists(st.binary(min_size=1, max_size=20).filter(lambda raw: b"\0" not in raw), min_size=1, max_size=4)
)
def test_any_names_of_any_bytes_give_one_row_each_and_come_back(names: list[bytes]) -> None:
    results = [FileResult(encode_path(os.fsdecode(raw)), Status.OK) for raw in names]
    header, *rows = read(report(*((result, None) for result in results)))
    assert tuple(header) == COLUMNS and len(rows) == len(names)
    for raw, row in zip(names, rows, strict=True):
        assert len(row) == len(COLUMNS)
        assert os.fsencode(decode_path(row[0])) in (raw, b"./" + raw)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)


@given(st.lists(st.text('a,"\r\n=é\\ ', min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=5))
def test_pandas_reads_the_same_paths(names: list[str]) -> None:
    data = report(*((FileResult(encode_path(name), Status.OK), None) for name in names))
    table = pd.read_csv(io.BytesIO(data), keep_default_na=False)
    assert table["path"].tolist() == [encode_path(name) for name in names]


def test_pandas_reads_numbers_as_numbers_and_empty_cells_as_missing() -> None:
    table = pd.read_csv(io.BytesIO(report((OK, Verdict.REAL), (FileResult("b", Status.OK), None))))
    assert table["prob_fake"].tolist()[0] == 0.123457 and table["prob_fake"].isna().tolist() == [False, True]
    assert table["width"].dtype.kind == "f" and table["error"].isna().all()


def test_a_report_is_recognised_by_its_beginning() -> None:
    data = report((OK, None))
    assert looks_like_report(data) and looks_like_report(data[:10]) and looks_like_report(b"")
    with_a_later_column = data.replace(b"frames\n", b"frames,faces\n")
    assert looks_like_report(with_a_later_column)
    assert not looks_like_report(b"path;status\n") and not looks_like_report(b"\x89PNG\r\n\x1a\n")


def test_reports_from_before_the_last_columns_are_ours_too() -> None:
    assert looks_like_report(
        b"path,status,prob_fake,verdict,error,format,width,height,bytes,sha256,model,frames\n"
    )

"""The findings as CSV: a row for each score, which leads back to its file and its place in the picture."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_sink import MemorySink
from portraits import on_grey
from run_facts import run_facts

from models.faces.face import Unjudged
from scanner import FileResult, Finding, Policy, Status, encode_path
from scanner.audit import Audit
from scanner.judgement.judging import Judged
from scanner.judgement.policy import Gate
from scanner.reports.csv import looks_like_report
from scanner.reports.findings import COLUMNS, FindingsReport, looks_like_findings
from scanner.reports.formats import format_of
from scanner.reports.report import ReportContext
from scanner.results import SETTLING_NS, ErrorCode, Region, UnscoredFace

SHA256 = "cd" * 32
TWO = FileResult(
    "in/a.png",
    Status.OK,
    format="PNG",
    width=200,
    height=100,
    bytes=99,
    sha256=SHA256,
    frames=1,
    faces=2,
    findings=(
        Finding(-2.0, 0.1234567, Region(0.25, 0.0, 0.75, 1.0), face=0.98765),
        Finding(2.5, 0.9, Region(0.5, 0.5, 0.6, 0.7), face=0.7),
    ),
)


def report(*results: FileResult) -> bytes:
    sink = MemorySink()
    written = FindingsReport(sink, ReportContext(run_facts(Policy(0.7, 0.5, "option"), Gate())))
    written.begin()
    for result in results:
        written.add(Judged(result, None))
    return sink.data


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))


@pytest.fixture
def folder(inside: Path) -> Path:
    """Two people, one who lies on the side until EXIF turns the picture, and nobody."""
    on_grey(1200, 800, ("collins", 300, 50, 300), ("hopper", 500, 500, 150)).save(inside / "=two.png")
    turned = on_grey(600, 900, ("collins", 400, 100, 100))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.rotate(90, expand=True).save(inside / "turned.jpg", exif=exif, quality=95)
    on_grey(400, 300).save(inside / "nobody.png")
    return inside


def test_schema_1_to_the_byte() -> None:
    whole = FileResult("b.png", Status.OK, width=30, height=20, sha256="ef", findings=(Finding(0.0, 0.5),))
    broken = FileResult("c.png", Status.ERROR, ErrorCode.CORRUPT_IMAGE, "cut off")
    assert report(TWO, broken, whole) == (
        b"path,sha256,finding,frame,time,left,top,right,bottom,square,face,logit,prob_fake,decides,reason,track,track_prob_fake\n"
        b"in/a.png,"
        + SHA256.encode()
        + b",1,0,,0.2500,0.0000,0.7500,1.0000,100,0.9877,-2.000000,0.123457,no,,,\n"
        b"in/a.png,"
        + SHA256.encode()
        + b",2,0,,0.5000,0.5000,0.6000,0.7000,20,0.7000,2.500000,0.900000,yes,,,\n"
        b"b.png,ef,1,0,,0.0000,0.0000,1.0000,1.0000,,,0.000000,0.500000,yes,,,\n"
    )


def test_findings_of_a_file_that_failed_decide_nothing() -> None:
    """Some of its parts were scored, and not all."""
    moving = (Finding(1.0, 0.7, time=0.04), Finding(2.0, 0.9, frame=7, time=12.3456))
    failed = FileResult("a", Status.ERROR, ErrorCode.INFERENCE_FAILED, findings=moving)
    first, second = read(report(failed))
    assert (first["decides"], second["decides"]) == ("no", "no")
    assert (first["frame"], first["time"], second["frame"], second["time"]) == ("0", "0.040", "7", "12.346")


def test_faces_without_a_score_say_why() -> None:
    tiny = UnscoredFace(Region(0.0, 0.0, 0.1, 0.2), 12, 0.8, Unjudged.TOO_SMALL)
    skipped = FileResult(
        "a", Status.SKIPPED, ErrorCode.FACE_TOO_SMALL, width=200, height=100, faces=0, unscored_faces=(tiny,)
    )
    [row] = read(report(skipped))
    assert (row["finding"], row["prob_fake"], row["decides"], row["reason"]) == ("", "", "no", "too_small")
    assert (row["right"], row["square"], row["face"]) == ("0.1000", "20", "0.8000")


def test_of_equal_scores_one_decides() -> None:
    twice = FileResult("a", Status.OK, findings=(Finding(1.0, 0.7), Finding(1.0, 0.7)))
    assert [row["decides"] for row in read(report(twice))] == ["yes", "no"]


def test_pandas_reads_numbers_as_numbers() -> None:
    table = pd.read_csv(io.BytesIO(report(TWO)))
    assert table["logit"].tolist() == [-2.0, 2.5] and table["square"].tolist() == [100, 20]
    assert table.loc[table["decides"] == "yes", "prob_fake"].tolist() == [0.9]


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda raw: b"\0" not in raw), max_size=4))
def test_no_name_is_a_formula_or_a_row(names: list[bytes]) -> None:
    found = (Finding(-1.0, 0.3),)
    results = [FileResult(encode_path(os.fsdecode(raw)), Status.OK, findings=found) for raw in names]
    rows = read(report(*results))
    assert [row["path"] for row in rows] == [result.path for result in results]
    assert all(row.keys() == set(COLUMNS) for row in rows)
    assert not any(row["path"].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in rows)


def test_the_longer_suffix_counts() -> None:
    assert format_of(Path("r.FINDINGS.csv")) == "findings"
    assert format_of(Path("findings.csv")) == "csv"


def test_neither_table_is_taken_for_the_other() -> None:
    data = report(TWO)
    assert looks_like_findings(data[:256]) and looks_like_findings(data[:20])
    assert looks_like_findings(data.replace(b"decides\n", b"decides,reason\n")) and not looks_like_report(
        data
    )
    assert not looks_like_findings(b"path,status,prob_fake\n")


@pytest.mark.slow
def test_it_says_what_json_lines_and_the_report_say(scan: Any, folder: Path, faces_model: Path) -> None:
    outs = ("--out", "r.csv", "--out", "r.findings.csv", "--out", "r.jsonl")
    assert scan("in", *outs, "--model", faces_model, "--exit-zero").code == 0
    rows = read(Path("r.findings.csv").read_bytes())
    records = [json.loads(line) for line in Path("r.jsonl").read_text(encoding="utf-8").splitlines()]
    expected = [(record, finding) for record in records for finding in record["findings"]]
    assert len(rows) == len(expected) == 3
    for row, (record, finding) in zip(rows, expected, strict=True):
        assert (row["path"], row["sha256"]) == (record["path"], record["sha256"])
        edges = [row[edge] for edge in ("left", "top", "right", "bottom")]
        assert edges == [f"{edge:.4f}" for edge in finding["region"]]
        assert float(row["prob_fake"]) == pytest.approx(finding["prob_fake"], abs=1e-6)
        assert float(row["logit"]) == pytest.approx(finding["logit"], abs=1e-6)
        if row["decides"] == "yes":
            assert " ".join(edges) == record["where"] and float(row["prob_fake"]) == record["prob_fake"]
    assert {row["path"]: row["decides"] for row in rows if row["decides"] == "yes"}.keys() == {
        "in/=two.png",
        "in/turned.jpg",
    }
    turned = next(row for row in rows if row["path"] == "in/turned.jpg")
    width = (float(turned["right"]) - float(turned["left"])) * 600
    assert int(turned["square"]) == pytest.approx(width, abs=1), "600 pixels wide, upright"
    hashes = json.loads(Path("r.run.json").read_text())["reports"]
    assert list(hashes) == ["r.csv", "r.findings.csv", "r.jsonl"]
    verified = scan("--verify", "r.run.json", "--model", faces_model, "--files")
    assert (verified.code, verified.err.splitlines()[-1]) == (
        0,
        "unchanged: 3 reports, 1 model, 3 files; changed or missing: 0",
    )


@pytest.mark.slow
def test_standard_output_takes_it_and_nothing_is_replaced_by_it(
    scan: Any, grey: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey("in/a.png", 40)
    run = scan("in", "--out", "-", "--format", "findings", "-q")
    assert [row["path"] for row in run.rows] == ["in/a.png"] and tuple(run.rows[0]) == COLUMNS
    assert scan("in", "--out", "r.csv", "-q").code == 0
    Path("r.csv").rename("r.findings.csv")
    run = scan("in", "--out", "r.findings.csv")
    assert run.code == 2 and "was not written by an earlier scan" in run.err


@pytest.mark.slow
def test_it_is_no_baseline_and_no_list_of_files(
    scan: Any, grey: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey("in/a.png", 40)
    assert scan("in", "--out", "r.findings.csv").code == 0
    run = scan("in", "--out", "s.csv", "--baseline", "r.findings.csv")
    assert run.code == 2 and "is no CSV report of a scan" in run.err
    run = scan("--verify", "r.findings.run.json", "--files")
    assert run.code == 2 and "names no CSV report" in run.err


@pytest.mark.slow
def test_a_scan_that_was_cut_off_ends_with_the_same_findings(
    scan: Any, folder: Path, faces_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(SETTLING_NS / 1e9 + 0.1)  # the journal trusts what has settled
    arguments = ("in", "--model", faces_model, "--exit-zero", "--workers", 1)
    names = ("csv", "findings.csv", "jsonl")
    scan(*arguments, *(word for name in names for word in ("--out", f"whole.{name}")))
    outs = [word for name in names for word in ("--out", f"r.{name}")]
    real = Audit._count

    def cut(self: Audit, judged: Judged) -> None:
        real(self, judged)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Audit, "_count", cut)
        assert scan(*arguments, *outs).code == 130
    assert read(Path("r.findings.csv.partial").read_bytes())
    run = scan(*arguments, *outs)
    assert run.code == 0 and "continuing a scan that was cut off: 1 files are done" in run.err
    for name in names:
        assert Path(f"r.{name}").read_bytes() == Path(f"whole.{name}").read_bytes(), name

"""RAW through a scan: the row says that a preview was judged, in every report, and in archives too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from container_files import zipped
from PIL import Image
from raw_files import LARGE, SMALL, dng

from scanner.results import FileResult, Status
from scanner.results.record import read_record, record_line

pytest.importorskip("rawpy")

REPORTS = ("r.csv", "r.jsonl", "r.parquet", "r.sarif", "r.html", "r.xml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dng").write_bytes(dng([SMALL, LARGE]))
    (tmp_path / "in" / "b.jpg").write_bytes(LARGE)
    (tmp_path / "in" / "c.tif").write_bytes(dng([SMALL, LARGE]))
    (tmp_path / "in" / "d.zip").write_bytes(zipped([("x.dng", dng([LARGE]))]))
    (tmp_path / "in" / "e.dng").write_bytes(dng([], thumbnail=False))
    return tmp_path


@pytest.mark.slow
def test_the_row_says_that_a_preview_was_judged(folder: Path, scan: Callable[..., Any], rows_of: Any) -> None:
    scan("in", "--archives", "--out", "r.csv", "-q")
    rows = {row["path"]: row for row in rows_of(folder / "r.csv")}
    whole = rows["in/b.jpg"]
    for path in ("in/a.dng", "in/c.tif", "in/d.zip!/x.dng"):
        row = rows[path]
        assert (row["format"], row["pixels"], row["frames"]) == ("RAW", "preview", "1")
        assert (row["width"], row["height"], row["prob_fake"]) == ("192", "128", whole["prob_fake"])
    assert whole["pixels"] == "" and whole["prob_fake"] != ""
    refused = rows["in/e.dng"]
    assert (refused["error"], refused["format"], refused["pixels"]) == ("unsupported_format", "RAW", "")


@pytest.mark.slow
def test_every_report_has_it(folder: Path, scan: Callable[..., Any]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    outs = [word for name in REPORTS for word in ("--out", name)]
    scan("in/a.dng", "in/b.jpg", *outs, "-q", "--threshold", "0.000001", "--redact-paths")
    lines = [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]
    assert [line["pixels"] for line in lines] == ["preview", None]
    assert parquet.read_table(folder / "r.parquet")["pixels"].to_pylist() == ["preview", None]
    results = json.loads((folder / "r.sarif").read_text())["runs"][0]["results"]
    assert sorted(one.get("properties", {}).get("pixels", "") for one in results) == ["", "preview"]


@pytest.mark.slow
def test_a_cache_remembers_it(folder: Path, scan: Callable[..., Any], rows_of: Any) -> None:
    rows = []
    for name in ("first.csv", "second.csv"):
        scan("in", "--out", name, "-q", "--cache", "seen.cache")
        rows.append(rows_of(folder / name))
    assert rows[0] == rows[1] and rows[0][0]["pixels"] == "preview"


def test_a_record_holds_it() -> None:
    result = FileResult("a.dng", Status.OK, format="RAW", pixels="preview")
    assert read_record(record_line(result)).pixels == "preview"


def test_a_tiff_that_only_its_name_calls_raw_is_an_error(folder: Path, scan: Callable[..., Any]) -> None:
    for name in ("a.nef", "a.tif"):
        Image.new("L", (16, 12), 100).save(folder / name, "TIFF")
    raw, other = scan("a.nef", "a.tif", "--out", "-").rows
    assert (raw["status"], raw["error"]) == ("error", "unsupported_format")
    assert (other["status"], other["format"]) == ("ok", "TIFF")

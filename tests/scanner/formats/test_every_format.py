"""Every format holds every file, and is known by its beginning and its suffix."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pyarrow import parquet
from written_reports import MIXED, written

from models.support.errors import OutputError
from scanner import cli
from scanner.reports import spool
from scanner.reports.format_names import SUFFIXES as FORMATS
from scanner.reports.formats import SUFFIXES, format_named, format_of


def names_in(format_: str, data: bytes) -> list[str]:
    match format_:
        case "csv" | "findings":
            return [row["path"] for row in csv.DictReader(io.StringIO(data.decode(), newline=""))]
        case "jsonl":
            return [json.loads(line)["path"] for line in data.splitlines()]
        case "parquet":
            return list(parquet.read_table(io.BytesIO(data))["path"].to_pylist())
        case "junit":
            return [case.get("file", "") for case in ElementTree.fromstring(data).iter("testcase")]
        case "html":
            rows = re.search(rb'<script type="application/json" id="rows">(.*?)</script>', data, re.DOTALL)
            assert rows
            return [row[0] for row in json.loads(rows[1])]
        case "sarif":
            run = json.loads(data)["runs"][0]
            found = [*run["results"], *run["invocations"][0]["toolExecutionNotifications"]]
            return [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in found]


@pytest.mark.parametrize("format_", [one for one in FORMATS if one != "sarif"])
def test_every_file_is_in_every_format(format_: str) -> None:
    # The one about scores holds the files that have some.
    expected = [one.path for one in MIXED if one.findings or format_ != "findings"]
    if format_ == "junit":  # XML has no way to say these characters
        expected = [re.sub("[\x01\t\n\x1b\ufffe]", "\ufffd", name) for name in expected]
    assert names_in(format_, written(format_, MIXED)) == expected


@pytest.mark.parametrize("format_", FORMATS)
def test_no_file_at_all_is_a_whole_report(format_: str) -> None:
    data = written(format_, [])
    assert names_in(format_, data) == [] and format_named(format_).looks_like(data[:256])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_report_is_known_by_its_beginning_even_cut_off(format_: str) -> None:
    data, ours = written(format_, MIXED), format_named(format_).looks_like
    for length in (0, 1, 3, 30, 200):
        assert ours(data[:length])
    assert ours(data[:256] + data[256:][-65536:])
    for foreign in (
        b"evidence",
        b"<!doctype html>\n<html>",
        b'<?xml version="1.0"?><x/>',
        b"{}",
        b"PAR1...PAR1",
    ):
        assert not ours(foreign)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_suffix_says_the_format(suffix: str) -> None:
    assert format_of(Path("a.b" + suffix)) is format_of(Path("A" + suffix.upper())) is SUFFIXES[suffix]


def test_the_command_offers_every_format() -> None:
    (option,) = (parameter for parameter in cli.scan.params if parameter.name == "format")
    assert list(option.type.choices) == list(FORMATS)


def test_another_suffix_is_refused_and_a_stream_is_csv() -> None:
    for name in ("a.txt", "csv", "a.json", "a"):
        with pytest.raises(OutputError, match="no report format has this suffix"):
            format_of(Path(name))
    assert format_of(None) == format_of(Path("/dev/null")) == "csv"


def test_one_scan_writes_several_reports_and_hashes_each(
    tmp_path: Path, scan: Callable[..., Any], grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey("in/a.png", 240)
    Path("sub").mkdir()
    outs = ("--out", "r.csv", "--out", "sub/r.sarif", "--out", "odd")
    run = scan("in", *outs, "--format", "csv", "--format", "sarif", "--format", "junit")
    assert run.code == 1 and "report: r.csv, sub/r.sarif, odd (how it was made: r.run.json)" in run.err
    hashes = json.loads(Path("r.run.json").read_text())["reports"]
    assert hashes == {
        name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("r.csv", "sub/r.sarif", "odd")
    }
    assert scan("in", "--out", "-", "--out", "r.csv", "-q").rows[0]["path"] == "in/a.png"


def test_a_report_that_cannot_be_opened_leaves_the_others_as_they_were(
    tmp_path: Path, scan: Callable[..., Any], grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey("in/a.png", 240)
    assert scan("in", "--out", "r.csv").code == 1
    before = Path("r.csv").read_bytes()
    Path("r.html").write_text("<html>my page</html>")
    run = scan("in", "--out", "r.csv", "--out", "r.html")
    assert run.code == 2 and "r.html exists and was not written by an earlier scan" in run.err
    assert Path("r.csv").read_bytes() == before and Path("r.html").read_text() == "<html>my page</html>"


def test_a_full_folder_for_temporary_files_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    spooled = spool.Spool()
    monkeypatch.setattr(spooled, "_file", Full())
    with pytest.raises(OutputError, match=r"No space left on device.*TMPDIR"):
        spooled.write(b"x")

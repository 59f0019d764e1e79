"""What a scan writes over, what it leaves alone, and that it never scans its own outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scanner.reports.row import COLUMNS

HEADER = (",".join(COLUMNS) + "\n").encode()


@pytest.mark.parametrize("option", ["--out", "--manifest", "--log-file"])
@pytest.mark.parametrize("content", [None, b"what the witness said\n", b"\x00\x01"])
def test_no_output_ever_replaces_what_no_scan_wrote(
    option: str, content: bytes | None, here: Path, scan: Any
) -> None:
    target = Path("in/light.jpg")
    if content is not None:
        target = Path("evidence.csv")
        target.write_bytes(content)
    before = target.read_bytes()
    formats = ("--format", "csv") * (2 if option == "--out" else 1)
    run = scan("in", "--out", "r.csv", option, target, *formats)
    assert run.code == 2 and f"{target} exists and was not written by an earlier scan" in run.err
    assert target.read_bytes() == before and not Path("r.csv").exists()


def test_what_stands_in_the_way_of_the_partial_report_is_left_alone(here: Path, scan: Any) -> None:
    Path("r.csv.partial").write_text("somebody's")
    assert scan("in", "--out", "r.csv").code == 2
    assert Path("r.csv.partial").read_text() == "somebody's"


@pytest.mark.slow
def test_a_second_run_replaces_the_outputs_of_the_first_and_scans_none(here: Path, scan: Any) -> None:
    outputs = ("--out", "in/report.csv", "--log-file", "in/scan.log")
    assert scan("in", *outputs).code == 1
    first = Path("in/report.csv").read_bytes()
    # Named as pictures, they would be candidates by suffix if they were not left out.
    pictures = ("--out", "in/r.png", "--format", "csv", "--manifest", "in/m.png", "--log-file", "in/l.png")
    for expected in (first, first):
        assert scan("in", *pictures).code == 1
        assert Path("in/r.png").read_bytes() == expected
    counts = json.loads(Path("in/m.png").read_text())["counts"]
    assert counts["files"] == 3 and counts["other_files"] == {".csv": 1, ".json": 1, ".log": 1}
    assert scan("in", *outputs).code == 2  # by now r.png is no output of this run, but a picture that is none


def test_a_link_to_an_older_report_stays_a_link(here: Path, scan: Any) -> None:
    Path("store").mkdir()
    scan("in", "--out", "store/report.csv")
    Path("latest.csv").symlink_to("store/report.csv")
    Path("store/report.csv").write_bytes(HEADER)
    assert scan("in", "--out", "latest.csv").code == 1
    assert Path("latest.csv").is_symlink() and Path("store/report.csv").read_bytes() != HEADER


def test_a_device_is_written_to_and_not_replaced(here: Path, scan: Any, device: Any) -> None:
    null = device("null")
    before = sorted(here.iterdir())
    assert scan("in", "--out", null).code == 1
    assert null.is_char_device() and sorted(here.iterdir()) == before


def test_a_junit_case_leads_to_its_file_from_the_root_of_the_repository(
    scan: Any, grey: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    grey(tmp_path / "media" / "in" / "a b.png", 40)
    monkeypatch.chdir(tmp_path / "media")
    scan("./in/../in", "--out", "r.xml")
    (case,) = ElementTree.parse("r.xml").getroot().iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("./in/../in", "a b.png")
    assert case.get("file") == "media/in/a b.png"

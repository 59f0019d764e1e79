"""Known findings: marked everywhere, and failing nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scanner import FileResult, Verdict
from scanner.judgement.baseline import Baseline, BaselineError
from scanner.results import ErrorCode, Status

SHA = "ab" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grey: Callable[..., Path]) -> Path:
    """``in`` with a dark and a bright picture."""
    monkeypatch.chdir(tmp_path)
    grey("in/dark.png", 40)
    grey("in/light.png", 240)
    return tmp_path


def test_a_known_finding_fails_nothing_and_a_new_one_does(scan: Any, grey: Any) -> None:
    assert scan("in", "--out", "known.csv").code == 1
    run = scan("in", "--out", "r.csv", "--out", "r.xml", "--out", "r.sarif", "--baseline", "known.csv")
    assert run.code == 0 and "1 of these findings are known from the baseline" in run.err
    counts = json.loads(Path("r.run.json").read_text())["counts"]
    assert counts["verdict"]["fake"] == 1 and counts["known"] == {"fake": 1, "inconclusive": 0}
    assert "in/light.png" in Path("r.csv").read_text() and Path("r.csv").read_text().count(",known,") == 1
    assert sarif_states() == []
    assert "SARIF report: findings left out" in run.err and "--sarif-known" in run.err
    assert counts["left_out_of_sarif"] == {"known": 1, "results": 0, "notifications": 0}
    assert ElementTree.parse("r.xml").getroot().get("failures") == "0"
    grey("in/new.png", 250)
    run = scan("in", "--out", "r.csv", "--out", "r.sarif", "--baseline", "known.csv")
    assert run.code == 1
    assert sarif_states() == [("new", 0)]


def sarif_states() -> list[tuple[str, int]]:
    """Of each result: its state, and how often it is suppressed."""
    (run,) = json.loads(Path("r.sarif").read_text())["runs"]
    return [(one["baselineState"], len(one["suppressions"])) for one in run["results"]]


def test_without_a_baseline_nothing_is_said_to_be_new(scan: Any) -> None:
    scan("in", "--out", "r.sarif")
    (run,) = json.loads(Path("r.sarif").read_text())["runs"]
    assert run["results"] and not any("baselineState" in one for one in run["results"])


def test_sarif_keeps_what_is_known_if_told_to(scan: Any, grey: Any) -> None:
    scan("in", "--out", "known.csv")
    grey("in/new.png", 230)
    run = scan("in", "--out", "r.sarif", "--baseline", "known.csv", "--sarif-known")
    assert run.code == 1 and "left out" not in run.err
    assert sarif_states() == [("new", 0), ("unchanged", 1)]
    assert json.loads(Path("r.run.json").read_text())["options"]["sarif_known"] is True


def test_the_content_counts_and_not_the_name(scan: Any, grey: Any) -> None:
    scan("in", "--out", "known.csv")
    shutil.move("in/light.png", "in/renamed.png")
    assert scan("in", "--out", "r.csv", "--baseline", "known.csv").code == 0
    grey("in/renamed.png", 241)
    assert scan("in", "--out", "r.csv", "--baseline", "known.csv").code == 1


def test_a_finding_that_grew_graver_is_new() -> None:
    Path("b.csv").write_text(f"path,verdict,sha256\na,inconclusive,{SHA}\nb,real,{'cd' * 32}\nc,,\n")
    baseline = Baseline.read(Path("b.csv"))
    result = FileResult("x", Status.OK, sha256=SHA)
    assert len(baseline) == 1
    assert baseline.knows(result, Verdict.INCONCLUSIVE) and not baseline.knows(result, Verdict.FAKE)
    assert not baseline.knows(result, Verdict.REAL) and not baseline.knows(result, None)
    assert not baseline.knows(FileResult("x", Status.OK, sha256="cd" * 32), Verdict.FAKE)
    assert not baseline.knows(FileResult("x", Status.ERROR, ErrorCode.NOT_FOUND), Verdict.FAKE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"a,b\n1,2\n", "is no CSV report"),
        (b"", "is no CSV report"),
        (b"\xff\xfe", "is damaged"),
        (b"path,verdict,sha256\na,fake,xyz\n", "is damaged"),
    ],
)
def test_what_is_no_report_is_refused_before_anything_is_scanned(
    content: bytes | None, words: str, scan: Any
) -> None:
    if content is not None:
        Path("b.csv").write_bytes(content)
    with pytest.raises(BaselineError, match=words):
        Baseline.read(Path("b.csv"))
    run = scan("in", "--out", "r.csv", "--baseline", "b.csv")
    assert run.code == 2 and words in run.err and not Path("r.csv").exists()


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    Path("b.csv").write_bytes(b"\xef\xbb\xbf" + f"path,verdict,sha256\r\na,fake,{SHA}\r\n".encode())
    assert len(Baseline.read(Path("b.csv"))) == 1

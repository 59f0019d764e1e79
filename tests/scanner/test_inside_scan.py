"""The command on folders with archives and documents: reports, resume, cache, redaction and verification."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from container_files import picture, put, tarred, zipped

REPORTS = ("r.csv", "r.findings.csv", "r.jsonl", "r.parquet", "r.sarif", "r.xml", "r.html")
MEMBERS = 400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "in" / "a.png", picture(10))
    inner = tarred([("far.png", picture(30)), ("broken.png", picture(31)[:40])], "gz")
    put(
        tmp_path / "in" / "b.zip", zipped([("x.png", picture(10)), ("in.tar.gz", inner), ("notes.txt", b"-")])
    )
    put(tmp_path / "in" / "c.docx", zipped([("word/media/i.png", picture(40))]))
    put(tmp_path / "in" / "d.png", picture(50))
    return tmp_path


PATHS = [
    "in/a.png",
    "in/b.zip!/x.png",
    "in/b.zip!/in.tar.gz!/far.png",
    "in/b.zip!/in.tar.gz!/broken.png",
    "in/b.zip!/in.tar.gz",
    "in/b.zip",
    "in/c.docx!/word/media/i.png",
    "in/c.docx",
    "in/d.png",
]


def test_rows_come_in_the_order_of_files_and_members(folder: Path, scan: Any, rows_of: Any) -> None:
    run = scan("in", "--archives", "--documents", "--out", "r.csv", "-q", "--strict", "--max-errors", 1)
    assert run.code in (0, 1), "a container is no error, whatever is asked"
    rows = rows_of(folder / "r.csv")
    assert [row["path"] for row in rows] == PATHS
    by_path = {row["path"]: row for row in rows}
    outer = by_path["in/b.zip"]
    for path, row in by_path.items():
        assert row["container"] == (outer["sha256"] if path.startswith("in/b.zip!/") else row["container"])
    assert by_path["in/a.png"]["prob_fake"] == by_path["in/b.zip!/x.png"]["prob_fake"] != ""
    assert (outer["status"], outer["error"], outer["frames"], outer["container"]) == (
        "skipped",
        "container",
        "4",
        "",
    )


def test_without_the_options_nothing_is_looked_into(folder: Path, scan: Any, rows_of: Any) -> None:
    scan("in", "--out", "r.csv", "-q")
    rows = rows_of(folder / "r.csv")
    assert [(row["path"], row["error"]) for row in rows] == [
        ("in/a.png", ""),
        ("in/b.zip", "unsupported_media"),
        ("in/d.png", ""),
    ]
    assert not any(row["container"] for row in rows)


def test_every_report_knows_members(folder: Path, scan: Any) -> None:
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    outs = [word for name in REPORTS for word in ("--out", name)]
    scan("in", "--archives", "--documents", "-q", *outs)
    lines = [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]
    assert [line["path"] for line in lines] == PATHS
    assert parquet.read_table(folder / "r.parquet")["container"].to_pylist() == [
        line["container"] for line in lines
    ]
    places = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in json.loads((folder / "r.sarif").read_text())["runs"][0]["results"]
    ]
    assert all("!/" not in place for place in places), "a member's place is its container"
    cases = (folder / "r.xml").read_text()
    assert 'b.zip!" name="x.png" file="in/b.zip"' in cases
    page = (folder / "r.html").read_text()
    assert "b.zip!/in.tar.gz!/far.png" in page and page.count("data:image/jpeg") >= 5, (
        "members are shown, too"
    )


def test_a_redacted_report_tells_no_member(folder: Path, scan: Any) -> None:
    outs = [word for name in REPORTS if name != "r.parquet" for word in ("--out", name)]
    scan("in", "--archives", "--documents", "-q", "--redact-paths", *outs)
    for name in (*REPORTS, "r.run.json"):
        if (folder / name).exists():
            content = (folder / name).read_bytes()
            assert not any(word in content for word in (b"far.png", b"b.zip", b"media/i", b"in.tar")), name


def test_the_cache_knows_members_by_their_bytes_and_by_their_place(
    folder: Path, scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("in", "--archives", "--documents", "-q", "--cache", "cache")
    scan(*options, "--out", "one.csv")
    scan(*options, "--out", "two.csv")
    assert (folder / "one.csv").read_bytes() == (folder / "two.csv").read_bytes()
    cached = json.loads((folder / "two.run.json").read_text())["counts"]["cached"]
    assert cached >= 5, (
        "all but the rows of the containers, and perhaps of a broken file whose time is too new"
    )
    (folder / "in" / "b.zip").rename(folder / "in" / "e.zip")
    put(folder / "in" / "b.zip", zipped([("x.png", picture(77))]))
    scan(*options, "--out", "three.csv")
    rows = (folder / "three.csv").read_text()
    assert "in/b.zip!/x.png" in rows and "in/e.zip!/in.tar.gz!/far.png" in rows
    assert rows.count(picture_hash(77)) == 1


def picture_hash(value: int) -> str:
    import hashlib

    return hashlib.sha256(picture(value)).hexdigest()


def test_files_are_verified_through_their_containers(folder: Path, scan: Any) -> None:
    scan("in", "--archives", "--documents", "-q", "--out", "r.csv")
    assert scan("--verify", "r.run.json", "--files").code == 0
    put(folder / "in" / "b.zip", zipped([("x.png", picture(11))]))
    run = scan("--verify", "r.run.json", "--files")
    assert run.code == 1 and "in/b.zip" in (run.err + run.out.decode())


def test_a_baseline_knows_members(folder: Path, scan: Any, rows_of: Any) -> None:
    scan("in/a.png", "--threshold", 0, "--out", "old.csv", "-q")
    scan("in", "--archives", "--threshold", 0, "--baseline", "old.csv", "--out", "r.csv", "-q")
    known = [row["path"] for row in rows_of(folder / "r.csv") if row["baseline"]]
    assert known == ["in/a.png", "in/b.zip!/x.png"]


def lines_of(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@pytest.mark.slow
def test_kills_inside_an_archive_change_no_byte_of_the_reports(
    tmp_path: Path, process: Any, shell: Any
) -> None:
    for kind, make in (("tar.gz", lambda files: tarred(files, "gz")), ("zip", zipped)):
        files = [(f"{number:03}.png", picture(100 + number % 120)) for number in range(MEMBERS)]
        put(tmp_path / "in" / f"a.{kind}", make([*files, files[0]]))
    put(tmp_path / "in" / "b.png", picture(5))
    options = ("in", "--archives", "-q", "--workers", 2)
    shell(*options, "--out", "w.csv", "--out", "w.findings.csv")
    journal, chance = tmp_path / "r.csv.journal", random.Random(4)
    for _ in range(6):
        before = lines_of(journal)
        with process(
            *options, "--out", "r.csv", "--out", "r.findings.csv", start_new_session=True
        ) as running:
            while running.poll() is None and lines_of(journal) < before + chance.randrange(20, 90):
                time.sleep(0.01)
            assert running.poll() is None, "every kill is to come in time"
            os.killpg(running.pid, signal.SIGKILL)
            running.wait(30)
    run = shell(*options, "--out", "r.csv", "--out", "r.findings.csv")
    assert "bug" not in run.err
    for name in ("csv", "findings.csv"):
        assert (tmp_path / f"r.{name}").read_bytes() == (tmp_path / f"w.{name}").read_bytes()
    assert json.loads((tmp_path / "r.run.json").read_text())["counts"]["recalled"] > 0


def test_a_container_that_changes_during_the_scan_is_told(
    folder: Path, process: Any, rows_of: Callable[[Path], list[dict[str, str]]]
) -> None:
    """Between the list of its members and their reading."""
    code = """
import shutil
from scanner.sandbox import members, pool
plain = members.items_of
def items_of(container, result, found, recall):
    shutil.copyfile("other.zip", container.path)
    yield from plain(container, result, found, recall)
pool.items_of = items_of
from scanner.cli import main; main()
"""
    shutil.copyfile(folder / "in" / "b.zip", folder / "other.zip")
    with process("in/b.zip", "--archives", "--out", "r.csv", "-q", code=code) as running:
        assert running.wait(60) == 2
    errors = {row["path"]: row["error"] for row in rows_of(folder / "r.csv")}
    assert errors["in/b.zip!/x.png"] == "read_failed"

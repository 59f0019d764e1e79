"""A folder made to break a scanner: every file is accounted for, under its own name, with its own score."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scanner import decode_path

MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(100)
JXL = b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(100)

# status and error of each file that has a row; None for a good picture.
EXPECTED: dict[bytes, tuple[str, str | None]] = {
    b"truncated.png": ("error", "corrupt_image"),
    b"text.jpg": ("error", "not_an_image"),
    b"empty.jpg": ("error", "empty_file"),
    b"x.png": ("error", "not_found"),
    b"photo.dat": ("ok", None),
    b"=cmd.png": ("ok", None),
    b"@sum(a1),\"b\".png": ("ok", None),
    b"two\nlines.png": ("ok", None),
    b"carriage\rreturn.png": ("ok", None),
    b"caf\xe9.png": ("ok", None),
    b"back\\slash.png": ("ok", None),
    b"red\x1b[31m.png": ("ok", None),
    b"fifo.jpg": ("error", "not_a_file"),
    b"film.mp4": ("skipped", "unsupported_media"),
    b"paper.pdf": ("skipped", "unsupported_media"),
    b"phone.heic": ("error", "unsupported_format"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, grey: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if sys.platform == "win32":
        pytest.skip("no such names on Windows")
    root = tmp_path / "hostile"
    root.mkdir()
    monkeypatch.chdir(root)
    good = [name for name, (status, _) in EXPECTED.items() if status == "ok"]
    for brightness, raw in enumerate(good, start=1):
        grey(tmp_path / "picture.png", 25 * brightness).rename(os.fsdecode(raw))
    whole = grey(tmp_path / "picture.png", 77, (400, 300)).read_bytes()
    Path("truncated.png").write_bytes(whole[: len(whole) // 2])
    Path("text.jpg").write_text("no picture at all")
    Path("empty.jpg").touch()
    Path("x.png").symlink_to("nowhere")
    os.mkfifo("fifo.jpg")
    Path("film.mp4").write_bytes(MP4)
    Path("paper.pdf").write_bytes(b"%PDF-1.7\n")
    Path("phone.heic").write_bytes(JXL)
    Path("notes.txt").write_text("no row for this")
    yield root


def frame(report: Path) -> pd.DataFrame:
    return pd.read_csv(report)


def test_every_file_has_its_row_and_every_name_comes_back(folder: Path, scan: Any) -> None:
    run = scan(".", "--out", "../report.csv", "--list-skipped")
    assert run.code == 2
    table = frame(folder.parent / "report.csv")
    found = {os.fsencode(decode_path(path)).removeprefix(b"./"): row for path, row in by_path(table).items()}
    assert found.keys() == EXPECTED.keys() == set(os.listdir(b".")) - {b"notes.txt"}
    assert len(table) == len(EXPECTED)
    for raw, (status, error) in EXPECTED.items():
        assert (found[raw]["status"], found[raw]["error"]) == (status, error or ""), raw
    assert "no row: ./notes.txt (.txt)" in run.err.splitlines()


def by_path(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in table.astype(object).fillna("").to_dict("records")}


@pytest.mark.slow
def test_every_score_and_hash_is_the_files_own(folder: Path, scan: Any, rows_of: Any) -> None:
    scan(".", "--out", "../report.csv")
    good = 0
    for row in rows_of(folder.parent / "report.csv"):
        content = Path(decode_path(row["path"]))
        if row["sha256"]:
            assert row["sha256"] == hashlib.sha256(content.read_bytes()).hexdigest()
        if row["status"] == "ok":
            (alone,) = scan(content, "--out", "-").rows
            assert alone["prob_fake"] == row["prob_fake"]
            good += 1
    assert good == 8


def test_the_manifest_counts_what_there_was(folder: Path, scan: Any) -> None:
    scan(".", "--out", "../report.csv")
    manifest = json.loads((folder.parent / "report.run.json").read_text(encoding="utf-8"))
    assert manifest["complete"] is False and manifest["exit_code"] == 2
    counts = manifest["counts"]
    assert counts["files"] == 16
    assert counts["status"] == {"ok": 8, "error": 6, "skipped": 2}
    assert counts["error"] == {
        "corrupt_image": 1, "empty_file": 1, "not_a_file": 1, "not_an_image": 1, "not_found": 1,
        "unsupported_format": 1, "unsupported_media": 2,
    }  # fmt: skip
    assert counts["other_files"] == {".txt": 1}


def test_no_cell_is_a_formula_even_for_operands_of_that_name(folder: Path, scan: Any) -> None:
    for row in scan("=cmd.png", b"two\nlines.png", '@sum(a1),"b".png', "--out", "-").rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row.values())


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_the_report_is_the_same_bytes_for_any_number_of_workers(
    folder: Path, scan: Any, workers: int
) -> None:
    expected = scan(".", "--out", "-", "--workers", 2).out
    for _ in range(3):
        assert scan(".", "--out", "-", "--workers", workers).out == expected


@pytest.mark.slow
def test_another_batch_size_changes_nothing_but_the_last_digits(folder: Path, scan: Any) -> None:
    one, seven = (scan(".", "--out", "-", "--batch-size", size).rows for size in (1, 7))
    assert len(one) == len(seven) == 16
    for left, right in zip(one, seven, strict=True):
        if left["prob_fake"]:
            assert float(left["prob_fake"]) == pytest.approx(float(right["prob_fake"]), abs=1e-4)
        assert left | {"prob_fake": ""} == right | {"prob_fake": ""}


@pytest.mark.slow
def test_only_what_may_fail_is_subtracted_from_a_whole_audit(folder: Path, scan: Any) -> None:
    options = (".", "--out", "-", "--fail-on", "never")
    assert scan(*options, "--max-errors", 6).code == 0
    assert scan(*options, "--max-errors", 5).code == 2
    assert scan(*options, "--max-errors", 7, "--strict").code == 2
    assert scan(*options, "--max-errors", 8, "--strict").code == 0


def test_nothing_that_the_terminal_shows_can_steer_it(folder: Path, scan: Any) -> None:
    said = scan(".", "--out", "-", "-v", "--list-skipped").err
    assert "red\\x1b[31m.png" in said and "two\\nlines.png" in said
    assert all(character.isprintable() or character == "\n" for character in said)


def test_a_file_that_may_not_be_read_has_a_row(tmp_path: Path, scan: Any, grey: Any) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is denied to root")
    grey(tmp_path / "secret.png", 100).chmod(0)
    (row,) = scan(tmp_path / "secret.png", "--out", "-").rows
    assert (row["status"], row["error"]) == ("error", "permission_denied")


def test_evidence_is_left_as_it_was(folder: Path, scan: Any) -> None:
    def state() -> dict[bytes, tuple[int, int, int]]:
        stats = {name: os.lstat(name) for name in os.listdir(b".")}
        return {name: (s.st_mtime_ns, s.st_size, s.st_mode) for name, s in stats.items()}

    before = state()
    scan(".", "--out", "../report.csv")
    assert state() == before

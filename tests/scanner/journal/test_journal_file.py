"""The journal's file: cuts, damage, other scans, other writers, full disks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from journal_records import HEADER

from models.support.errors import OutputError
from scanner.memory import Journal, JournalMismatch, looks_like_journal
from scanner.memory import journal as module
from scanner.results.record import record_line


@pytest.mark.parametrize("tail", [b'["b","ok"', b"\0" * 700, b"[]\n", b"\xff\n", b"7\n"])
def test_what_follows_the_last_whole_line_is_dropped(path: Path, old_file: Any, tail: bytes) -> None:
    (a, result_a), (b, result_b) = old_file("a"), old_file("b")
    journal = Journal.open(path, HEADER)
    journal.add(result_a)
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole + tail + record_line(result_b))
    again = Journal.open(path, HEADER)
    assert path.read_bytes() == whole and again.done == 1 and again.recall(b) is None
    again.add(result_b)
    again.close()
    third = Journal.open(path, HEADER)
    assert third.recall(a) and third.recall(b)
    third.close()


def test_a_damaged_line_costs_its_file_another_scan(path: Path, old_file: Any) -> None:
    candidate, result = old_file("a")
    journal = Journal.open(path, HEADER)
    journal.close()
    with path.open("ab") as stream:
        stream.write(json.dumps([result.path, "no status"]).encode() + b"\n")
    again = Journal.open(path, HEADER)
    assert again.done == 1 and again.recall(candidate) is None
    again.close()


@pytest.mark.slow
def test_every_cut_of_the_file_can_be_continued(path: Path, old_file: Any) -> None:
    candidate, result = old_file("a")
    journal = Journal.open(path, HEADER)
    journal.add(result)
    journal.close()
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        again = Journal.open(path, HEADER)
        assert (again.recall(candidate) is not None) == (length == len(whole))
        again.close()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"model": "n", "limits": HEADER["limits"]}, r"another model \(m, now n\)"),
        ({"model": "m", "limits": {"max_bytes": 1, "max_pixels": 3}}, r"another max_pixels \(2, now 3\)"),
        ({"model": "m"}, r"another limits \(.*, now none\)"),
        ({**HEADER, "device": "cuda"}, r"another device \(none, now cuda\)"),
    ],
)
def test_the_journal_of_another_scan_is_refused_and_kept(
    path: Path, old_file: Any, other: dict[str, Any], words: str
) -> None:
    journal = Journal.open(path, HEADER)
    journal.add(old_file("a")[1])
    journal.close()
    before = path.read_bytes()
    with pytest.raises(JournalMismatch, match=words) as caught:
        Journal.open(path, other)
    assert "--restart" in str(caught.value) and path.read_bytes() == before
    anew = Journal.open(path, other, restart=True)
    assert anew.done == 0
    anew.close()
    Journal.open(path, other).close()


def test_a_journal_has_one_writer(path: Path) -> None:
    first = Journal.open(path, HEADER)
    with pytest.raises(OutputError, match="being written by another scan"):
        Journal.open(path, HEADER)
    first.close()
    Journal.open(path, HEADER).close()


def test_nothing_is_written_through_a_link_or_into_a_fifo(path: Path, tmp_path: Path) -> None:
    (tmp_path / "evidence").write_bytes(b"untouched")
    path.symlink_to("evidence")
    with pytest.raises(OutputError):
        Journal.open(path, HEADER)
    assert (tmp_path / "evidence").read_bytes() == b"untouched"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OutputError, match="no regular file"):
        Journal.open(path, HEADER)


def test_the_disk_has_it_after_a_second(path: Path, old_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = module.threading.Event()
    monkeypatch.setattr(module, "SYNC_SECONDS", 0.01)
    journal = Journal.open(path, HEADER)
    monkeypatch.setattr(module.os, "fsync", lambda _: synced.set())
    assert not synced.wait(0.05), "nothing was added"
    journal.add(old_file("a")[1])
    assert synced.wait(10)
    journal.close()


def test_a_disk_that_fails_later_ends_the_scan(
    path: Path, old_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = module.threading.Event()

    def fail(_: int) -> None:
        failed.set()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "SYNC_SECONDS", 0.01)
    journal = Journal.open(path, HEADER)
    monkeypatch.setattr(module.os, "fsync", fail)
    journal.add(old_file("a")[1])
    assert failed.wait(10)
    journal._sync._thread.join(10)
    with pytest.raises(OutputError, match="Input/output error; the scan has stopped"):
        journal.add(old_file("b")[1])
    journal.close()


def test_a_journal_is_known_by_its_beginning(path: Path) -> None:
    Journal.open(path, HEADER).close()
    assert looks_like_journal(path.read_bytes()[:256]) and looks_like_journal(b"")
    assert not looks_like_journal(b"path,status") and not looks_like_journal(b"\0" * 20)

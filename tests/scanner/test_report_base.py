"""Where the bytes of a report go: whole files, or a stream."""

from __future__ import annotations

import hashlib
import os
import threading
import warnings
from pathlib import Path

import pytest

from models.support.errors import ExitCode, OutputError
from scanner.reports.sinks import FileSink, StreamSink, check_target, is_stream, open_sink, real_target

OURS = b"ours"


def is_ours(head: bytes) -> bool:
    return head.startswith(OURS)


def test_a_file_appears_whole_at_its_commit(tmp_path: Path) -> None:
    target = tmp_path / "r.csv"
    target.write_bytes(b"ours, older")
    sink = FileSink(target, is_ours)
    sink.write(b"ours, ")
    sink.write(b"newer")
    assert target.read_bytes() == b"ours, older"
    # Rows are on the way to the disk before the commit: a killed scan keeps them.
    assert (tmp_path / "r.csv.partial").read_bytes() == b"ours, newer"
    sink.commit()
    assert target.read_bytes() == b"ours, newer" and os.listdir(tmp_path) == ["r.csv"]
    assert (sink.name, sink.sha256()) == ("r.csv", hashlib.sha256(b"ours, newer").hexdigest())


def test_an_abandoned_file_stays_beside_the_older_one(tmp_path: Path) -> None:
    target = tmp_path / "r.csv"
    target.write_bytes(b"ours, older")
    sink = FileSink(target, is_ours)
    sink.write(b"ours, half")
    kept = sink.abandon()
    assert kept == tmp_path / "r.csv.partial" and kept.read_bytes() == b"ours, half"
    assert target.read_bytes() == b"ours, older"
    FileSink(target, is_ours).commit()
    assert target.read_bytes() == b""


def test_a_failed_commit_says_so_and_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "r.csv"
    target.write_bytes(OURS)
    sink = FileSink(target, is_ours)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        warnings.catch_warnings(action="error"),
        pytest.raises(OutputError, match=r"r\.csv cannot be written: No space"),
    ):
        sink.commit()
    assert target.read_bytes() == OURS and sink.abandon() == tmp_path / "r.csv.partial"


def test_a_link_left_in_the_place_of_the_partial_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"ours, by chance")
    (tmp_path / "r.csv.partial").symlink_to("precious")
    sink = FileSink(tmp_path / "r.csv", is_ours)
    sink.write(b"new")
    sink.commit()
    assert (tmp_path / "precious").read_bytes() == b"ours, by chance"
    assert not (tmp_path / "r.csv").is_symlink()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "is a folder"),
        ("no/r.csv", "does not exist; make it first"),
        ("file/r.csv", "does not exist; make it first"),
        ("file", "was not written by an earlier scan"),
        ("half", "half.partial exists and was not written by an earlier scan"),
    ],
)
def test_a_target_that_cannot_or_must_not_be_written_is_refused(
    name: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"evidence")
    (tmp_path / "half.partial").write_bytes(b"evidence")
    before = sorted(os.listdir(tmp_path))
    for act in (check_target, FileSink):
        with pytest.raises(OutputError, match=words) as caught:
            act(tmp_path / name, is_ours)
        assert caught.value.exit_code is ExitCode.INCOMPLETE
    assert sorted(os.listdir(tmp_path)) == before


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_bytes(OURS)
    monkeypatch.setattr(os, "access", lambda path, mode: path == tmp_path / "log")
    with pytest.raises(OutputError, match="no permission to write in"):
        check_target(tmp_path / "r.csv", is_ours)
    check_target(tmp_path / "log", is_ours, append=True)


def test_a_file_that_cannot_be_looked_into_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.csv").write_bytes(OURS)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match=r"r\.csv cannot be written: Permission denied"):
        check_target(tmp_path / "r.csv", is_ours)


def test_empty_files_and_our_own_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "own").write_bytes(b"ours, older")
    for name in ("empty", "own", "new"):
        check_target(tmp_path / name, is_ours)


def test_a_fifo_is_written_to(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert is_stream(fifo) and not is_stream(tmp_path) and not is_stream(tmp_path / "no")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    sink = open_sink(fifo, is_ours)
    sink.write(b"row")
    sink.commit()
    reader.join(10)
    assert read == [b"row"] and is_stream(fifo)
    assert (sink.name, sink.sha256()) == (str(fifo), hashlib.sha256(b"row").hexdigest())


def test_standard_output_gets_each_row_at_once(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    sink = open_sink(None, is_ours)
    for row in (b"one\n", b"two\n"):
        sink.write(row)
        assert capsysbinary.readouterr().out == row
    sink.commit()
    assert sink.abandon() is None and sink.name == "-"


def test_without_standard_output_a_file_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(OutputError, match="name a file with --out"):
        StreamSink(None)


def test_only_a_link_that_leads_somewhere_is_followed(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    (tmp_path / "link").symlink_to("store")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert real_target(tmp_path / "link") == (tmp_path / "store").resolve()
    assert real_target(tmp_path / "dangling") == tmp_path / "dangling"
    assert real_target(Path("r.csv")) == Path("r.csv")

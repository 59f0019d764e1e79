"""The journal: what is added comes back, and nothing that is not certain does."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.support.errors import OutputError
from scanner.memory import Journal, JournalMismatch, journal_path, looks_like_journal
from scanner.memory import journal as module
from scanner.results import ErrorCode, FileResult, Finding, Region, Stamp, Status, Unjudged, UnscoredFace
from scanner.results.record import read_record, record_key, record_line
from scanner.sources import Candidate, MediaKind

HEADER = {"model": "m", "limits": {"max_bytes": 1, "max_pixels": 2}}

numbers = st.integers(0, 2**63 - 1)
fractions = st.floats(0, 1, width=32)
sound = st.builds(
    FileResult,
    path=st.text(st.characters(exclude_categories=["Cs"])),
    status=st.just(Status.OK),
    detail=st.text(st.characters(exclude_categories=["Cs"])),
    format=st.none() | st.just("PNG"),
    width=st.none() | numbers,
    height=st.none() | numbers,
    bytes=st.none() | numbers,
    sha256=st.none() | st.just("ab" * 32),
    frames=st.none() | numbers,
    faces=st.none() | numbers,
    unscored_faces=st.lists(
        st.builds(
            UnscoredFace,
            region=st.builds(Region, fractions, fractions, fractions, fractions),
            side=numbers,
            face=fractions,
            reason=st.sampled_from(Unjudged),
        ),
        max_size=2,
    ).map(tuple),
    findings=st.lists(
        st.builds(
            Finding,
            logit=st.floats(width=32, allow_nan=False, allow_infinity=False),
            prob_fake=fractions,
            region=st.builds(Region, fractions, fractions, fractions, fractions),
            frame=numbers,
            time=st.none() | fractions,
        ),
        max_size=2,
    ).map(tuple),
    stamp=st.none() | st.builds(Stamp, numbers, numbers, numbers, numbers),
)
results = st.one_of(
    sound,
    st.builds(
        lambda result, code: replace(result, status=code.status, error=code),
        sound,
        st.sampled_from(ErrorCode),
    ),
)


@given(results)
def test_a_result_comes_back_to_the_last_bit(result: FileResult) -> None:
    line = record_line(result)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    back = read_record(line)
    assert (back, back.stamp, record_key(line)[0]) == (result, result.stamp, result.path)


@given(results, st.data())
def test_a_line_that_was_cut_off_is_no_record(result: FileResult, data: st.DataObject) -> None:
    line = record_line(result)
    part = line[: data.draw(st.integers(0, len(line) - 1))]
    for read in (read_record, record_key):
        with pytest.raises(ValueError):
            read(part)


@given(st.binary(max_size=60))
def test_whatever_a_disk_left_is_a_record_or_a_value_error(line: bytes) -> None:
    for read in (read_record, record_key):
        with contextlib.suppress(ValueError):
            read(line)


@pytest.fixture
def old_file(tmp_path: Path) -> Callable[[str], tuple[Candidate, FileResult]]:
    """A file that counts as settled, as a candidate and with a result of its own."""

    def make(name: str) -> tuple[Candidate, FileResult]:
        path = tmp_path / name
        path.write_bytes(name.encode())
        stamp = Stamp.of(path.stat())
        result = FileResult(name, Status.OK, findings=(Finding(1.5, 0.75),), stamp=stamp)
        return Candidate(str(path), name, MediaKind.IMAGE, explicit=False), result

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal_path(tmp_path / "r.csv")


def test_what_was_added_is_recalled_by_the_next_run(path: Path, old_file: Any) -> None:
    (a, result_a), (b, result_b), (c, _) = old_file("a"), old_file("b"), old_file("c")
    journal = Journal.open(path, HEADER)
    assert journal.done == 0 and journal.recall(a) is None
    journal.add(result_a)
    journal.add(result_b)
    journal.close()
    again = Journal.open(path, HEADER)
    assert again.done == 2
    assert again.recall(b) == result_b and again.recall(b).recalled
    assert again.recall(a) == result_a and again.recall(c) is None
    size = path.stat().st_size
    again.add(again.recall(a))
    assert path.stat().st_size == size, "what is there already is not written again"
    again.remove()
    assert not path.exists()


def test_the_last_word_on_a_file_counts(path: Path, old_file: Any) -> None:
    candidate, result = old_file("a")
    journal = Journal.open(path, HEADER)
    journal.add(replace(result, stamp=Stamp(1, 1, 1, 1)))
    journal.add(result)
    journal.close()
    again = Journal.open(path, HEADER)
    assert again.done == 1 and again.recall(candidate) == result
    again.close()


@pytest.mark.parametrize("change", ["content", "time", "inode", "gone", "folder", "problem"])
def test_a_file_that_is_not_the_same_is_not_recalled(path: Path, old_file: Any, change: str) -> None:
    candidate, result = old_file("a")
    file = Path(candidate.path)
    journal = Journal.open(path, HEADER)
    journal.add(result)
    journal.close()
    if change == "content":
        file.write_bytes(b"longer")
    elif change == "time":
        os.utime(file, ns=(1, 1))
    elif change == "inode":
        other = file.with_name("other")
        other.write_bytes(file.read_bytes())
        other.replace(file)
    elif change == "problem":
        candidate = replace(candidate, problem=ErrorCode.READ_FAILED)
    else:
        file.unlink()
        if change == "folder":
            file.mkdir()
    again = Journal.open(path, HEADER)
    assert again.recall(candidate) is None
    again.close()


@pytest.mark.parametrize("error", ErrorCode)
def test_an_error_of_the_moment_is_not_recalled(path: Path, old_file: Any, error: ErrorCode) -> None:
    of_the_bytes = {
        ErrorCode.EMPTY_FILE,
        ErrorCode.NOT_AN_IMAGE,
        ErrorCode.CORRUPT_IMAGE,
        ErrorCode.UNSUPPORTED_MODE,
        ErrorCode.TOO_MANY_BYTES,
        ErrorCode.TOO_MANY_PIXELS,
        ErrorCode.UNSUPPORTED_FORMAT,
        ErrorCode.UNSUPPORTED_MEDIA,
        ErrorCode.NO_FACE,
        ErrorCode.FACE_TOO_SMALL,
        ErrorCode.INFERENCE_FAILED,
    }
    candidate, result = old_file("a")
    journal = Journal.open(path, HEADER)
    journal.add(replace(result, status=error.status, error=error, findings=()))
    journal.close()
    again = Journal.open(path, HEADER)
    assert (again.recall(candidate) is not None) == (error in of_the_bytes)
    again.close()


@pytest.fixture
def said(path: Path, old_file: Any) -> Callable[..., FileResult | None]:
    """What is recalled of a file of which earlier runs said ``errors``, one run each."""

    candidate, result = old_file("a")

    def recall(*errors: ErrorCode | None, changed: bool = False, stamped: bool = True) -> FileResult | None:
        for number, error in enumerate(errors):
            stamp = Stamp(number, 1, 1, 1) if changed else result.stamp
            journal = Journal.open(path, HEADER)
            status = Status.OK if error is None else error.status
            when = stamp if stamped else None
            journal.add(replace(result, status=status, error=error, findings=(), stamp=when))
            journal.close()
        again = Journal.open(path, HEADER)
        found = again.recall(candidate)
        again.close()
        return found

    return recall


CRASHED, TIMEOUT = ErrorCode.DECODE_CRASHED, ErrorCode.DECODE_TIMEOUT


def test_a_file_that_ended_its_decoder_has_one_more_chance_and_no_third(said: Any) -> None:
    assert said(CRASHED) is None
    found = said(CRASHED)  # the second line in the same journal
    assert found is not None and found.recalled and found.error is CRASHED


@pytest.mark.parametrize(("first", "second"), [(TIMEOUT, TIMEOUT), (TIMEOUT, CRASHED), (CRASHED, TIMEOUT)])
def test_the_last_of_two_such_ends_is_the_row(said: Any, first: ErrorCode, second: ErrorCode) -> None:
    found = said(first, second)
    assert found is not None and found.error is second


def test_a_chance_that_was_of_use_is_a_result(said: Any) -> None:
    found = said(CRASHED, None)
    assert found is not None and found.status is Status.OK


def test_two_ends_on_other_contents_are_no_proof(said: Any) -> None:
    assert said(CRASHED, CRASHED, changed=True) is None


def test_a_file_of_which_nothing_is_known_is_always_tried_again(said: Any) -> None:
    assert said(TIMEOUT, TIMEOUT, TIMEOUT, stamped=False) is None


@pytest.mark.parametrize(
    "error",
    [ErrorCode.NOT_FOUND, ErrorCode.PERMISSION_DENIED, ErrorCode.READ_FAILED, ErrorCode.OUT_OF_MEMORY],
)
def test_what_is_cheap_to_try_is_always_tried_again(said: Any, error: ErrorCode) -> None:
    assert said(error, error, error) is None
    assert said(CRASHED, error) is None


def test_a_result_without_a_stamp_is_not_recalled(path: Path, old_file: Any) -> None:
    candidate, result = old_file("a")
    journal = Journal.open(path, HEADER)
    journal.add(replace(result, stamp=None))
    journal.close()
    again = Journal.open(path, HEADER)
    assert again.recall(candidate) is None
    again.close()


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

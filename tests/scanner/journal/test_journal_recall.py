"""The journal: what is added comes back, and nothing that is not certain does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_records import HEADER

from scanner.memory import Journal
from scanner.results import ErrorCode, FileResult, Stamp, Status


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
        ErrorCode.ENCRYPTED,
        ErrorCode.CONTAINER,
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

"""The file of decisions: kept before anything is said, only ever added to, whole after any crash."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.review.decisions import Choice, Decision, DecisionFile, SampleLine, read_lines
from scanner.review.index import ReviewError
from scanner.review.ledger import Ledger

A, B = "aa" * 32, "bb" * 32


def decision(sha256: str = A, choice: Choice = Choice.FAKE, **changes: object) -> Decision:
    line = Decision(
        sha256, 1, choice, None, "anna", "2026-01-02T03:04:05.000+00:00", "cd" * 32, 0.9, "ef" * 32, "12" * 32
    )
    return replace(line, **changes)  # type: ignore[arg-type]


def test_a_line_says_everything_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with DecisionFile(path) as file:
        file.append(decision(note="näh\n=1"))
    values = json.loads(path.read_text(encoding="utf-8"))
    assert values["schema"] == "deepfake-scanner/decision/1" and path.read_bytes().count(b"\n") == 1
    names = {"sha256", "face", "decision", "note", "reviewer", "time", "model", "probability", "manifest"}
    assert names < values.keys() and "undoes" not in values
    assert read_lines(path) == ([(1, decision(note="näh\n=1"))], 0)


def test_it_is_on_the_disk_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.jsonl"
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(path.read_bytes()))
    with DecisionFile(path) as file:
        synced.clear()
        file.append(decision())
        assert synced == [path.read_bytes()] and path.read_bytes().endswith(b"}\n")


def test_a_torn_line_stays_gets_its_end_and_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with DecisionFile(path) as file:
        file.append(decision())
        file.append(decision(B))
    torn = path.read_bytes()[:-20]
    path.write_bytes(torn)
    with DecisionFile(path) as file:
        assert [line for _, line in file.lines] == [decision()] and file.unread == 1
        assert path.read_bytes() == torn, "nothing is written before there is something to say"
        assert file.append(decision(B, Choice.FALSE_ALARM))[0] == 3
    assert path.read_bytes().startswith(torn + b"\n")
    assert read_lines(path) == ([(1, decision()), (3, decision(B, Choice.FALSE_ALARM))], 1)


@given(cut=st.integers(0, 2000))
def test_wherever_it_is_cut_off_whole_lines_are_kept_and_it_goes_on(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "d.jsonl"
    with DecisionFile(path) as file:
        for number in range(4):
            file.append(decision(f"{number:064x}"))
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    with DecisionFile(path) as file:
        placed = file.append(decision(B))
    lines, _ = read_lines(path)
    whole = data.count(b"\n") + (1 if data.endswith(b"}") else 0)
    assert [line for _, line in lines] == [*(decision(f"{n:064x}") for n in range(whole)), decision(B)]
    assert lines[-1] == placed and path.read_bytes().startswith(data)


def test_undo_is_one_more_line(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with DecisionFile(path) as file:
        first = file.append(decision())
        before = path.read_bytes()
        ledger = Ledger(file.lines)
        assert ledger.last("anna") == first and ledger.is_decided("anna", A)
        file.append(decision(choice=Choice.UNDO, undoes=first[0]))
        assert path.read_bytes().startswith(before)
        ledger = Ledger(file.lines)
    assert ledger.last("anna") is None and not ledger.is_decided("anna", A)
    assert ledger.current("anna", A) is None and ledger.was_decided("anna", A)


def test_what_was_said_before_holds_again_after_an_undo() -> None:
    ledger = Ledger(
        [
            (1, decision()),
            (2, decision(choice=Choice.FALSE_ALARM)),
            (3, decision(choice=Choice.UNDO, undoes=2)),
        ]
    )
    current = ledger.current("anna", A)
    assert current is not None and current.decision is Choice.FAKE


def test_a_note_leaves_the_decision_and_a_decision_the_note() -> None:
    ledger = Ledger(
        [(1, decision()), (2, decision(choice=Choice.NOTE, note="ear")), (3, decision(choice=Choice.UNSURE))]
    )
    current = ledger.current("anna", A)
    assert current is not None and (current.decision, current.note) == (Choice.UNSURE, "ear")
    ledger.add((4, decision(choice=Choice.NOTE, note="")))
    current = ledger.current("anna", A)
    assert current is not None and current.note is None, "an empty note takes the note away"


def test_reviewers_do_not_decide_for_each_other() -> None:
    ledger = Ledger([(1, decision()), (2, decision(reviewer="ben", choice=Choice.FALSE_ALARM))])
    assert ledger.last("anna") == (1, decision())
    assert {name: said.decision for name, said in ledger.decided()[A].items()} == {
        "anna": Choice.FAKE,
        "ben": Choice.FALSE_ALARM,
    }


def test_one_file_is_open_in_one_review_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with DecisionFile(path), pytest.raises(ReviewError, match="open in another review"):
        DecisionFile(path)
    DecisionFile(path).close()


@pytest.mark.parametrize("content", [b"path,status\n", b"{}\n", b"\xff\xd8\xff"])
def test_a_file_of_something_else_is_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(content)
    for work in (DecisionFile, read_lines):
        with pytest.raises(ReviewError, match="holds no decisions"):
            work(path)
    assert path.read_bytes() == content


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    (tmp_path / "d.jsonl").symlink_to(other)
    with pytest.raises(ReviewError, match="cannot be written"):
        DecisionFile(tmp_path / "d.jsonl")


def test_a_disk_that_takes_nothing_is_told_and_the_file_says_what_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "d.jsonl"
    with DecisionFile(path) as file:
        file.append(decision())
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(ReviewError, match="No space left"):
                file.append(decision(B))
        assert file.lines == read_lines(path)[0]
        file.append(SampleLine(5, 1, "12" * 32, "anna", "2026-01-02T03:04:05.000+00:00"))
        assert file.lines == read_lines(path)[0] and read_lines(path)[1] == 0

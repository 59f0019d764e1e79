"""What follows from decisions: a table, a baseline, labels, what reviewers differ about."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import pytest
from review_reports import row, write_files, write_report

from models.support.errors import OutputError
from scanner.judgement.baseline import Baseline
from scanner.judgement.policy import Verdict
from scanner.results import FileResult, Status
from scanner.review import exports, summary
from scanner.review.agreement import agreed, opinions, pairs
from scanner.review.decisions import Choice, Decision
from scanner.review.exports import Reviewed
from scanner.review.index import Index, ReviewError
from scanner.review.ledger import Ledger
from scanner.review.manifests import Origin
from scanner.review.sampling import draw

FAKE, ALARM, UNSURE = Choice.FAKE, Choice.FALSE_ALARM, Choice.UNSURE


def say(sha256: str, choice: Choice, reviewer: str = "anna", **more: Any) -> Decision:
    values = {"note": None, "time": "2026-01-01T00:00:00+00:00", "model": "m", "probability": 0.9} | more
    return Decision(
        sha256=sha256, face=None, decision=choice, reviewer=reviewer, manifest=None, report="r", **values
    )


def reviewed_of(index: Index, *said: Decision, **more: Any) -> Reviewed:
    return Reviewed(index, more.pop("origin", Origin()), opinions([Ledger(list(enumerate(said, 1)))]), **more)


def cells(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")))


@pytest.fixture
def index(tmp_path: Path) -> Index:
    rows = write_files(tmp_path, {"a.png": 0.9, "b.png": 0.8, "c.png": 0.5, "d.png": 0.1, "e.png": 0.95})
    return Index(write_report(tmp_path, [*rows, row("copy of b.png", rows[1]["sha256"], 0.8)]))


def sha(index: Index, number: int) -> str:
    return index.item(number).sha256


def test_a_false_alarm_is_known_to_the_next_scan_under_all_its_names(index: Index, tmp_path: Path) -> None:
    data = exports.baseline(reviewed_of(index, say(sha(index, 0), FAKE), say(sha(index, 1), ALARM)))
    assert [one["path"] for one in cells(data)] == ["b.png", "copy of b.png"]
    (tmp_path / "baseline.csv").write_bytes(data)
    known = Baseline.read(tmp_path / "baseline.csv")
    assert len(known) == 1
    for number, expected in ((0, False), (1, True)):
        result = FileResult("x", Status.OK, sha256=sha(index, number))
        assert known.knows(result, Verdict.FAKE) is expected


def test_labels_are_one_a_content_and_say_how_it_was_chosen(index: Index) -> None:
    said = [say(sha(index, n), choice) for n, choice in enumerate((FAKE, ALARM, UNSURE, ALARM))]
    data = cells(exports.labels(reviewed_of(index, *said, sampled=frozenset({sha(index, 3)}))))
    assert [(one["path"], one["label"], one["source"]) for one in data] == [
        ("a.png", "Fake", "review-chosen"),
        ("b.png", "Real", "review-chosen"),
        ("d.png", "Real", "review-sample"),
    ]
    assert all(one["group"] == one["sha256"] for one in data)


def test_labels_have_the_names_of_the_file_system(tmp_path: Path) -> None:
    odd = [b"back\\slash.png", b"\xff.png", b"line\nend.png", b"=1.png", b'quote",.png']
    index = Index(write_report(tmp_path, write_files(tmp_path, dict.fromkeys(odd, 0.9))))
    said = [say(sha(index, n), FAKE) for n in range(len(odd))]
    names = [one["path"] for one in cells(exports.labels(reviewed_of(index, *said)))]
    assert [os.fsencode(name).removeprefix(b"./") for name in names] == odd
    assert all((tmp_path / name).is_file() for name in names)


def test_a_redacted_report_gives_no_labels(index: Index) -> None:
    with pytest.raises(ReviewError, match="names in this report are redacted"):
        exports.labels(reviewed_of(index, say(sha(index, 0), FAKE), origin=Origin(redacted=True)))


def test_no_cell_of_the_table_is_a_formula(index: Index) -> None:
    said = say(sha(index, 0), FAKE, "@ben", note='=HYPERLINK("x")\n2')
    (one,) = cells(exports.table(reviewed_of(index, said)))
    assert (one["note"], one["reviewer"]) == ('\'=HYPERLINK("x")\n2', "'@ben")
    assert (one["path"], one["decision"], one["probability"]) == ("a.png", "fake", "0.900000")


def test_what_reviewers_differ_about_is_listed_and_used_for_nothing(index: Index) -> None:
    said = [say(sha(index, n), choice) for n, choice in enumerate((FAKE, ALARM, ALARM, FAKE))]
    said += [say(sha(index, n), choice, "ben") for n, choice in enumerate((FAKE, FAKE, UNSURE))]
    reviewed = reviewed_of(index, *said)
    differing = cells(exports.disagreement_table(reviewed))
    assert [(one["path"], one["reviewer"], one["decision"]) for one in differing] == [
        ("b.png", "anna", "false_alarm"),
        ("b.png", "ben", "fake"),
        ("c.png", "anna", "false_alarm"),
        ("c.png", "ben", "unsure"),
    ]
    assert cells(exports.baseline(reviewed)) == []
    assert [one["path"] for one in cells(exports.labels(reviewed))] == ["a.png", "d.png"]
    (pair,) = pairs(reviewed.opinions)
    assert (pair.one, pair.other, pair.both, pair.same) == ("anna", "ben", 3, 1)
    assert "anna and ben: 1 of 3 the same" in "\n".join(summary.lines(reviewed, None))


def test_of_one_reviewer_in_two_files_the_later_word_holds(index: Index) -> None:
    early, late = say(sha(index, 0), FAKE), say(sha(index, 0), ALARM, time="2026-01-02T00:00:00+00:00")
    for files in ([early], [late]), ([late], [early]):
        found = opinions([Ledger([(1, line) for line in lines]) for lines in files])
        assert agreed(found[sha(index, 0)]) is ALARM


def test_decisions_on_other_reports_files_stay_out(index: Index) -> None:
    reviewed = reviewed_of(index, say("cc" * 32, ALARM))
    assert cells(exports.table(reviewed)) == [] and list(reviewed.agreed()) == []


def test_a_file_of_something_else_is_not_replaced(index: Index, tmp_path: Path) -> None:
    target = tmp_path / "labels.csv"
    target.write_text("my own table\n")
    reviewed = reviewed_of(index, say(sha(index, 0), FAKE))
    with pytest.raises(OutputError, match="is left alone"):
        exports.write("labels", reviewed, target)
    target.unlink()
    assert exports.write("labels", reviewed, target) == exports.write("labels", reviewed, target) == 1


def test_an_estimate_takes_each_stratum_up_to_the_first_open_one(tmp_path: Path) -> None:
    rows = [row(f"{n}.png", f"{n:064x}", 0.95) for n in range(50)]
    index = Index(write_report(tmp_path, rows))
    sample = draw(index, index.firsts(), 10, 1)
    (stratum,) = sample.strata
    drawn = [sha(index, number) for number in stratum.drawn]
    # The third is open: what was decided after it may have been picked for its look.
    said = [say(drawn[0], FAKE), say(drawn[1], ALARM), *(say(one, FAKE) for one in drawn[3:])]
    (counts,) = summary.count(reviewed_of(index, *said), sample)
    assert (counts.size, counts.fake, counts.not_fake, counts.unsure) == (50, 1, 1, 0)
    text = "\n".join(summary.lines(reviewed_of(index, *said), sample))
    assert "2 of 10 decided" in text and "the first undecided one of each stratum is left out" in text
    assert "precision (share of the flagged that is fake): 50.0% [" in text


def test_a_member_has_no_label_unless_a_file_has_its_content(tmp_path: Path) -> None:
    rows = [row("x", f"{n:064x}", 0.9) for n in range(2)]
    for one in rows:
        one["path"] = "outer.zip!/a.jpg"
    index = Index(write_report(tmp_path, [*rows, row("copy.jpg", rows[1]["sha256"], 0.9)]))
    reviewed = reviewed_of(index, *(say(sha(index, n), FAKE) for n in range(2)))
    assert [one["path"] for one in cells(exports.labels(reviewed))] == ["copy.jpg"]
    assert exports.without_path(reviewed) == 1
    assert "not in the labels, since only containers hold them: 1" in list(summary.lines(reviewed, None))

"""The index of a report, and the orders in which its pictures come."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from review_reports import row, write_report

from scanner.review.index import Index, ReviewError
from scanner.review.order import most_suspicious, shuffled


def digest(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


@pytest.fixture
def index(tmp_path: Path) -> Index:
    rows = [row(f"{n}.png", digest(n % 5), (n % 5) / 10 + 0.3) for n in range(12)]
    rows.insert(3, row("broken.png", digest(99), None))
    return Index(write_report(tmp_path, rows))


def test_rows_with_a_score_are_found_by_content_and_read_again(index: Index) -> None:
    assert (len(index), index.rows, index.statuses["error"]) == (12, 13, 1)
    assert list(index.find(digest(2))) == [2, 7]
    assert [index.record(number)["path"] for number in index.find(digest(4))] == ["4.png", "9.png"]
    assert index.item(7).prob_fake == 0.5 and index.item(7).verdict == "inconclusive"
    for unknown in (digest(99), digest(77), "zz", ""):
        assert list(index.find(unknown)) == []


def test_one_content_is_one_item(index: Index) -> None:
    assert index.firsts().tolist() == [0, 1, 2, 3, 4]
    assert most_suspicious(index, index.firsts()).tolist() == [4, 3, 2, 1, 0]


def test_of_equal_scores_the_first_row_comes_first(tmp_path: Path) -> None:
    index = Index(write_report(tmp_path, [row(f"{n}.png", digest(n), 0.5) for n in range(20)]))
    assert most_suspicious(index, index.firsts()).tolist() == list(range(20))


def test_a_shuffle_follows_from_the_seed_and_not_from_the_score(tmp_path: Path) -> None:
    import numpy as np

    rows = [row(f"{n}.png", digest(n), n / 1000) for n in range(1000)]
    index = Index(write_report(tmp_path, rows))
    order = shuffled(index, index.firsts(), 7)
    assert sorted(order.tolist()) == list(range(1000))
    assert order.tolist() == shuffled(index, index.firsts(), 7).tolist()
    assert order.tolist() != shuffled(index, index.firsts(), 8).tolist()
    assert abs(np.corrcoef(np.arange(1000), index.scores()[order])[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"path,status\n", "no JSON Lines report"),
        (b'{"schema":"deepfake-scanner/file/1","path":"a"', "line 1 of .* is no row"),
    ],
)
def test_what_is_no_report_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_bytes(content)
    with pytest.raises(ReviewError, match=words):
        Index(tmp_path / "r.jsonl")


def test_a_missing_report_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="cannot be read: No such file"):
        Index(tmp_path / "r.jsonl")


def test_an_empty_report_has_no_items(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_bytes(b"")
    index = Index(tmp_path / "r.jsonl")
    assert len(index) == 0 and index.firsts().tolist() == []


def test_a_report_that_changes_under_the_review_is_noticed(index: Index) -> None:
    data = index.path.read_bytes()
    index.path.write_bytes(data[1:] + b"\n")
    with pytest.raises(ReviewError, match="was changed while it was reviewed"):
        index.record(5)

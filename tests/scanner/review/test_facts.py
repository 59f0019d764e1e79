"""What the page's table says of a row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.review.fact_words import MOST_LINES, words_of
from scanner.review.facts import facts


def shown(**record: Any) -> dict[str, str]:
    return dict(facts({"path": "a", "findings": [], **record}, blind=False))


def test_what_was_read_of_a_file_is_said_in_words() -> None:
    coverage = {
        "parts": 3,
        "pictures": 1,
        "failed": [[1, "corrupt_image"]],
        "frames_asked": 20,
        "frames_got": 16,
    }
    assert shown(coverage=coverage)["coverage"].splitlines() == [
        "3 parts",
        "1 picture scored",
        "16 of 20 frames read",
        "part 1: corrupt_image",
    ]
    assert (
        shown(coverage={"parts": 1, "pictures": 2, "failed": []})["coverage"] == "1 part\n2 pictures scored"
    )


def test_faces_without_a_score_have_their_reason_size_and_time() -> None:
    small = {"region": [0, 0, 1, 1], "side": 31, "face": 0.9, "reason": "too_small"}
    said = shown(unscored_faces=[small, {**small, "frame": 2, "time": 1.5}])["unscored_faces"]
    assert said.splitlines() == ["too_small, 31 pixels", "too_small, 31 pixels at 1.50 s"]
    many = shown(unscored_faces=[small] * (MOST_LINES + 1200))["unscored_faces"].splitlines()
    assert len(many) == MOST_LINES + 1 and many[-1] == "and 1,200 more"


def test_a_manifests_facts_stand_by_name() -> None:
    c2pa = {"state": "valid", "signer": "A, B", "time": None, "sources": ["x", "y"], "actions": []}
    assert shown(c2pa=c2pa)["c2pa"].splitlines() == ["state: valid", "signer: A, B", "sources: x, y"]


@pytest.mark.parametrize("name", ["coverage", "unscored_faces", "c2pa", "another"])
@given(
    value=st.recursive(
        st.integers() | st.text() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_what_another_version_wrote_is_shown_as_it_stands(name: str, value: Any) -> None:
    if value in (None, [], {}):
        assert name not in shown(**{name: value})
    elif not isinstance(value, str) and words_of(name, value) is None:
        text = shown(**{name: value})[name]
        whole = json.dumps(value, ensure_ascii=False)
        assert text in (whole, whole.encode("utf-8", "backslashreplace").decode()) or text.endswith("…")

"""A line of the journal: it comes back to the last bit, or is no record."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.results import ErrorCode, FileResult, Finding, Region, Stamp, Status, Unjudged, UnscoredFace
from scanner.results.record import read_record, record_key, record_line

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

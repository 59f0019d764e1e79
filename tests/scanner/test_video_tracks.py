"""Which faces of a burst are one face, and what their scores make of a film."""

from __future__ import annotations

import math

import pytest

from scanner import ErrorCode, FileResult, Finding, Policy, Status
from scanner.engine.assemble import Assembler
from scanner.engine.tracks import tracks_of
from scanner.media.video.follow import Tracks, iou
from scanner.results import Track
from scanner.results.parts import Gap, Looked, PartResult
from scanner.results.record import part_line, read_part, read_record, record_line
from scanner.sandbox.work import Extracted


def box(left: float, top: float = 0.0, side: float = 0.2) -> tuple[float, float, float, float]:
    return left, top, left + side, top + side


def test_overlap() -> None:
    assert iou(box(0), box(0)) == 1 and iou(box(0), box(0.5)) == 0
    assert iou(box(0), box(0.1)) == pytest.approx(1 / 3)


def test_two_faces_that_cross_keep_two_tracks() -> None:
    tracks = Tracks()
    numbers = [tracks.join([box(0.1 * step), box(0.6 - 0.1 * step, 0.05)]) for step in range(7)]
    assert {number for pair in numbers for number in pair} == {1, 2}
    assert all(len(set(pair)) == 2 for pair in numbers)


def test_who_moves_away_is_another() -> None:
    tracks = Tracks()
    assert tracks.join([box(0)]) == [1]
    assert tracks.join([box(0.19), box(0.01)]) == [2, 1]


def test_a_face_that_one_frame_does_not_show_goes_on() -> None:
    tracks = Tracks(5)
    assert [tracks.join([box(0)]), tracks.join([]), tracks.join([box(0.02)])] == [[5], [], [5]]
    assert tracks.next == 6


def finding(logit: float, track: int | None, frame: int = 0) -> Finding:
    return Finding(logit, 1 / (1 + math.exp(-logit / 2)), frame=frame, time=frame / 4, face=0.9, track=track)


def test_a_track_is_worth_its_mean_logit_at_the_models_temperature() -> None:
    found = tracks_of([finding(3, 1), finding(-1, 2), finding(1, 1), finding(-3, 2)], temperature=2.0)
    assert found == (
        Track(1, 2, 2.0, 1 / (1 + math.exp(-1)), True),
        Track(2, 2, -2.0, 1 / (1 + math.exp(1)), True),
    )


def test_one_frame_counts_only_where_no_track_has_more() -> None:
    both = tracks_of([finding(9, 1), finding(1, 2), finding(1, 2)], 1.0)
    assert [track.counts for track in both] == [False, True]
    assert [track.counts for track in tracks_of([finding(9, 1), finding(1, 2)], 1.0)] == [True, True]


def test_logits_of_any_size_give_probabilities() -> None:
    assert [tracks_of([finding(value, 1)], 0.001)[0].prob_fake for value in (700.0, -700.0)] == [1.0, 0.0]


def part(index: int, parts: int = 2, faces: int | None = 0) -> Extracted:
    return Extracted(FileResult("a.mp4", Status.OK, seconds=20.0, faces=faces), (), index, parts)


def assembled(*found: PartResult, faces: int | None = 0) -> FileResult:
    assembler = Assembler(2.0)
    results = [assembler.add(part(index, len(found), faces), one) for index, one in enumerate(found)]
    assert results[:-1] == [None] * (len(found) - 1) and results[-1] is not None
    return results[-1]


def test_a_film_is_worth_the_largest_track_that_counts() -> None:
    first = PartResult((finding(9, 1), finding(1, 2), finding(3, 2, 1)), looked=Looked(4, 4))
    second = PartResult((finding(-2, 1, 4), finding(0, 1, 5)), looked=Looked(4, 4))
    found = assembled(first, second)
    assert [one.track for one in found.findings] == [1, 2, 2, 3, 3], "numbered through the parts"
    assert [track.number for track in found.tracks if track.counts] == [2, 3]
    assert found.prob_fake == found.tracks[1].prob_fake == 1 / (1 + math.exp(-1))
    assert found.deciding == found.findings[2], "the highest of the track that decides"
    assert (found.faces, found.values, found.frames) == (2, 2, 8)


def test_the_threshold_is_that_of_as_many_tracks_as_count() -> None:
    policy = Policy(0.5, 0.2, "model default", (0.5, 0.8))
    two = assembled(PartResult((finding(2, 1), finding(2, 1), finding(1, 2), finding(1, 2))))
    assert two.prob_fake is not None and 0.5 < two.prob_fake < 0.8
    assert policy.verdict(two) == "inconclusive"
    one = assembled(PartResult((finding(2, 1), finding(2, 1))))
    assert policy.verdict(one) == "fake"


def test_a_model_of_whole_pictures_has_the_mean_of_all_frames() -> None:
    whole = [PartResult((Finding(logit, 0.5, track=0),), looked=Looked(1, 1)) for logit in (4.0, -2.0)]
    found = assembled(*whole, faces=None)
    assert found.tracks == (Track(0, 2, 1.0, 1 / (1 + math.exp(-0.5)), True),)
    assert found.faces is None and found.prob_fake == found.tracks[0].prob_fake


def test_what_could_not_be_read_leaves_no_number() -> None:
    found = assembled(PartResult((finding(2, 1),), looked=Looked(4, 4)), PartResult(looked=Looked(4, 0)))
    assert (found.status, found.error) == (Status.ERROR, ErrorCode.CORRUPT_IMAGE)
    assert found.detail == "4 of 8 frames could be read" and found.prob_fake is None
    assert len(found.findings) == 1 and found.coverage is not None
    assert (found.coverage.frames_asked, found.coverage.frames_got) == (8, 4)


def test_a_film_without_a_face_is_skipped() -> None:
    found = assembled(PartResult(looked=Looked(4, 4)))
    assert (found.status, found.error, found.faces) == (Status.SKIPPED, ErrorCode.NO_FACE, 0)


def test_a_gap_is_told_before_frames_that_lack() -> None:
    found = assembled(PartResult(gap=Gap(ErrorCode.DECODE_CRASHED, "gone")), PartResult(looked=Looked(4, 3)))
    assert (found.error, found.detail) == (ErrorCode.DECODE_CRASHED, "part 0 of 2: gone")


def test_records_hold_tracks_times_and_what_was_there() -> None:
    found = assembled(PartResult((finding(2, 1), finding(0.1, 1, 1)), looked=Looked(4, 4)))
    assert read_record(record_line(found)) == found
    told = PartResult(found.findings, looked=Looked(4, 3))
    assert read_part(part_line(found, 1, told)) == ("a.mp4", None, 1, None, told)

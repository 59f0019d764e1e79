"""Films, from bytes to findings: which frames are seen, when, and how films fail."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from films import CODECS, grey, write_film, write_greys
from portraits import on_grey

from scanner import Detector, ErrorCode, FileResult, Limits, Status, encode_path
from scanner.engine.local import LocalEngine
from scanner.engine.serial import SerialEngine
from scanner.media.video.plan import parts
from scanner.results.sampling import Sampling
from scanner.sources import Candidate, MediaKind

SAMPLED = Sampling(video=True)


def candidate(path: Path) -> Candidate:
    return Candidate(str(path), encode_path(str(path)), MediaKind.OTHER_MEDIA, explicit=True)


def seen(
    path: Path, detector: Detector, sampling: Sampling = SAMPLED, limits: Limits | None = None
) -> FileResult:
    (found,) = SerialEngine(detector.looking_at(sampling), limits).results([candidate(path)])
    return found


def shown_at(times: list[float], time: float) -> int:
    """Which frame of a film stands on the screen."""
    return max((number for number, begin in enumerate(times) if begin <= time + 1e-4), default=0)


def shown(times: list[float], seconds: float, sampling: Sampling = SAMPLED) -> list[float]:
    """The times of the frames that are looked at, as they should be."""
    found = []
    for part in parts(seconds, sampling):
        for burst in part:
            frames = [shown_at(times, time) for time in burst]
            found += [times[frame] for frame in dict.fromkeys(frames)]
    return found


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_times_of_a_variable_rate_are_exact(suffix: str, tmp_path: Path, detector: Detector) -> None:
    moments = random.Random(suffix)
    times = [0.0]
    while times[-1] < 30:
        times.append(times[-1] + moments.choice([0.02, 0.04, 0.2, 0.7]))
    film = write_film(
        tmp_path / f"vfr{suffix}", (grey(number * 7 % 200) for number in range(len(times))), times
    )
    found = seen(film, detector)
    assert found.status is Status.OK and found.seconds is not None
    assert found.seconds == pytest.approx(times[-1], abs=0.75)
    got = [one.time for one in found.findings]
    assert got == pytest.approx(shown(times, found.seconds), abs=0.0011), "milliseconds are what is stored"
    assert found.coverage is not None and found.coverage.frames_got == len(got) == found.frames


@pytest.mark.parametrize("suffix", sorted(CODECS))
def test_each_kind_of_container_shows_its_own_frames(suffix: str, tmp_path: Path, detector: Detector) -> None:
    """A frame's brightness tells its time: 8 more each second."""
    values = [8 * (number // 10) + 16 for number in range(200)]
    found = seen(
        write_greys(tmp_path / f"film{suffix}", values, rate=10 if suffix != ".ts" else 25), detector
    )
    assert (found.status, found.error) == (Status.OK, None), found.detail
    rate = 10 if suffix != ".ts" else 25
    for one in found.findings:
        assert one.time is not None
        assert one.logit * 32 + 128 == pytest.approx(values[round(one.time * rate)], abs=3)
    assert [one.frame for one in found.findings] == list(range(len(found.findings)))
    assert (found.width, found.height) == (64, 48)


def test_a_film_is_turned_as_its_container_says(tmp_path: Path, faces_model: Path) -> None:
    """A phone stores what it sees lying on its side."""
    upright = on_grey(240, 320, ("hopper", 200, 20, 60))
    lying = upright.rotate(90, expand=True)
    found = seen(
        write_film(tmp_path / "phone.mp4", [lying] * 5, [0, 0.25, 0.5, 0.75, 1], turned=-90),
        Detector.load(faces_model, "cpu"),
    )
    assert (found.width, found.height, found.faces) == (320, 240, 1)
    assert found.deciding is not None
    region = found.deciding.region
    assert (region.left + region.right) / 2 == pytest.approx(0.5, abs=0.1)
    assert region.bottom - region.top < region.right - region.left, "of a picture higher than wide"


def test_faces_are_followed_through_a_burst(tmp_path: Path, faces_model: Path) -> None:
    frames = [
        on_grey(640, 360, ("collins", 200, 20 + step, 80), ("hopper", 220, 400 - step, 60))
        for step in range(40)
    ]
    detector = Detector.load(faces_model, "cpu")
    found = seen(write_film(tmp_path / "two.mp4", frames, [number / 20 for number in range(40)]), detector)
    assert (found.status, found.format, found.faces, found.frames) == (Status.OK, "MP4", 4, 8)
    assert [(track.number, track.frames, track.counts) for track in found.tracks] == [
        (number, 4, True) for number in (1, 2, 3, 4)
    ], "two people in each of two bursts: nobody is known again later"
    assert {(one.frame // 4, one.track) for one in found.findings} == {(0, 1), (0, 2), (1, 3), (1, 4)}


def test_the_frames_that_are_asked_for_can_be_chosen(tmp_path: Path, detector: Detector) -> None:
    film = write_greys(tmp_path / "a.mkv", [64] * 300)
    few = seen(film, detector, Sampling(True, bursts=2, max_seconds=10.0))
    assert [one.time for one in few.findings] == pytest.approx(
        [2.1, 2.3, 2.6, 2.8, 7.1, 7.3, 7.6, 7.8], abs=0.051
    )
    assert (
        few.coverage is not None
        and few.coverage.frames_asked == 8
        and few.seconds == pytest.approx(30, abs=0.1)
    )


def test_a_picture_of_one_frame_and_one_that_stands_still(tmp_path: Path, detector: Detector) -> None:
    one = seen(write_film(tmp_path / "one.mp4", [grey(80)], [0.0]), detector)
    assert (one.status, one.frames, len(one.findings)) == (Status.OK, 1, 1)
    slow = seen(write_film(tmp_path / "slow.mkv", [grey(80), grey(90), grey(90)], [0.0, 5.0, 10.0]), detector)
    assert slow.status is Status.OK and slow.frames == len({(f.frame, f.time) for f in slow.findings}) < 32


def test_the_engine_of_one_machine_gives_what_the_serial_one_gives(
    tmp_path: Path, detector: Detector
) -> None:
    films = [write_greys(tmp_path / f"{number}.mp4", [40 + number] * 400) for number in range(3)]
    films.append(tmp_path / "none.mp4")
    films[-1].write_bytes(b"nothing of the kind")
    sampled = detector.looking_at(SAMPLED)
    items = [candidate(film) for film in films]
    expected = list(SerialEngine(sampled).results(items))
    assert list(LocalEngine(sampled, workers=2, batch_size=1).results(items)) == expected
    assert [one.status for one in expected] == [Status.OK] * 3 + [Status.ERROR]
    assert expected[0].coverage is not None and expected[0].coverage.parts == 4


def test_a_cut_mp4_cannot_be_opened(tmp_path: Path, detector: Detector) -> None:
    film = write_greys(tmp_path / "cut.mp4", [80] * 100)
    film.write_bytes(film.read_bytes()[:-200])
    found = seen(film, detector)
    assert (found.status, found.error) == (Status.ERROR, ErrorCode.CORRUPT_IMAGE)
    assert found.sha256 is not None and found.findings == ()


def test_a_cut_mkv_says_how_many_frames_it_has_left(tmp_path: Path, detector: Detector) -> None:
    values = [random.Random(number).randrange(256) for number in range(300)]
    film = write_greys(tmp_path / "cut.mkv", values)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    found = seen(film, detector)
    assert (found.status, found.error) == (Status.ERROR, ErrorCode.CORRUPT_IMAGE)
    assert found.seconds == pytest.approx(30, abs=0.2), "what it claims"
    assert found.coverage is not None and found.coverage.frames_asked == 32
    assert found.frames == found.coverage.frames_got and 8 <= (found.frames or 0) <= 24
    assert (
        found.detail == f"{found.frames} of 32 frames could be read" and len(found.findings) == found.frames
    )
    assert found.prob_fake is None


def test_what_holds_no_moving_pictures(tmp_path: Path, detector: Detector) -> None:
    text, odd = tmp_path / "text.mp4", tmp_path / "raw.h264"
    for path in (text, odd):
        path.write_bytes(b"no film at all, whatever the name says")
    assert (seen(text, detector).status, seen(text, detector).error) == (Status.ERROR, ErrorCode.NOT_AN_IMAGE)
    assert seen(odd, detector).error is ErrorCode.UNSUPPORTED_MEDIA
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"PK\x03\x04" + bytes(60))
    assert seen(archive, detector).error is ErrorCode.UNSUPPORTED_MEDIA
    assert seen(text, detector, Sampling()).error is ErrorCode.UNSUPPORTED_MEDIA, "films are left alone"


def test_limits_hold_for_films(tmp_path: Path, detector: Detector) -> None:
    film = write_greys(tmp_path / "a.mp4", [80] * 20)
    assert seen(film, detector, limits=Limits(max_pixels=64 * 48 - 1)).error is ErrorCode.TOO_MANY_PIXELS
    assert (
        seen(film, detector, limits=Limits(max_bytes=film.stat().st_size - 1)).error
        is ErrorCode.TOO_MANY_BYTES
    )
    assert seen(film, detector, limits=Limits(max_bytes=film.stat().st_size)).status is Status.OK


def test_a_film_that_is_written_to_meanwhile_is_not_taken_for_another(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_greys(tmp_path / "a.mp4", [80] * 20)
    from scanner.media.video import reading

    plain: Callable[..., object] = reading.of_file

    def touched(*arguments: object, **facts: object) -> object:
        with film.open("ab") as stream:
            stream.write(b"more")
        return plain(*arguments, **facts)

    monkeypatch.setattr(reading, "of_file", touched)
    assert seen(film, detector).error is ErrorCode.READ_FAILED

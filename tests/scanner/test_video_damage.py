"""Films that are damaged inside: what cannot be seen is told, and costs no more than it must."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import grey, write_film, write_greys
from PIL import Image

from scanner import Detector, ErrorCode, FileResult, Sampling, Status, encode_path
from scanner.engine.local import LocalEngine
from scanner.engine.serial import SerialEngine
from scanner.sandbox import launch
from scanner.sources import Candidate, MediaKind

SAMPLED = Sampling(video=True)


def candidate(path: Path) -> Candidate:
    return Candidate(str(path), encode_path(str(path)), MediaKind.OTHER_MEDIA, explicit=True)


def seen(path: Path, detector: Detector) -> FileResult:
    (found,) = SerialEngine(detector.looking_at(SAMPLED)).results([candidate(path)])
    return found


def noise(number: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, (96, 128, 3), np.uint8))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_frame_that_is_damaged_lacks_and_none_takes_its_place(
    suffix: str, tmp_path: Path, detector: Detector
) -> None:
    times = [number / 10 for number in range(44)]
    film = write_film(tmp_path / f"a{suffix}", map(noise, range(44)), times, g="10")
    whole = seen(film, detector)
    assert whole.status is Status.OK and whole.frames == 16
    data = bytearray(film.read_bytes())
    with av.open(str(film)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size and packet.pts is not None]
        damaged = next(one for one in packets if one.is_keyframe and float(one.pts * one.time_base) >= 1.0)
    place = data.index(bytes(damaged)[200:400])
    data[place : place + 400] = bytes(400)
    film.write_bytes(data)
    found = seen(film, detector)
    assert (found.status, found.error) == (Status.ERROR, ErrorCode.CORRUPT_IMAGE)
    assert found.frames is not None and 4 <= found.frames < 16
    assert found.detail == f"{found.frames} of 16 frames could be read"
    scores = {one.time: one.logit for one in whole.findings}
    assert all(one.logit == scores.get(one.time) for one in found.findings), (
        "what is scored is what was there"
    )


def test_sound_may_be_longer_than_pictures(tmp_path: Path, detector: Detector) -> None:
    film = tmp_path / "a.mkv"
    with av.open(str(film), "w") as out:
        video: Any = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio: Any = out.add_stream("pcm_s16le", rate=8000)
        for number in range(80):
            frame = av.VideoFrame.from_image(grey(90, (64, 48)))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for number in range(24):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            samples.sample_rate, samples.pts = 8000, number * 8000
            out.mux(audio.encode(samples))
        out.mux(audio.encode(None))
    found = seen(film, detector)
    assert (found.status, found.frames) == (Status.OK, 32), found.detail
    assert found.seconds == pytest.approx(8, abs=0.2)


def test_a_decoder_that_crashes_costs_a_part_of_the_film(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_greys(tmp_path / "a.mp4", [90] * 400)
    crash = (
        "import os, signal\n"
        "from scanner.media.video import reading as opener\n"
        "plain = opener._seen\n"
        "def seen(shown, reading):\n"
        "    if 10 < shown.time < 20: os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    return plain(shown, reading)\n"
        "opener._seen = seen\n"
    )
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", crash + "serve(**"))
    engine = LocalEngine(detector.looking_at(SAMPLED), workers=2, batch_size=1)
    (found,) = engine.results([candidate(film)])
    assert (found.status, found.error, found.prob_fake) == (Status.ERROR, ErrorCode.DECODE_CRASHED, None)
    assert found.coverage is not None and found.coverage.failed == ((1, ErrorCode.DECODE_CRASHED),)
    assert found.coverage.parts == 4 and len(found.findings) == 24
    assert all(not 10 < (one.time or 0) < 20 for one in found.findings)


def test_a_cover_is_no_film(tmp_path: Path, detector: Detector) -> None:
    """A song with a picture on it."""
    song = tmp_path / "song.mp4"
    with av.open(str(song), "w") as out:
        audio: Any = out.add_stream("aac", rate=8000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        samples.sample_rate = 8000
        out.mux(audio.encode(samples))
        out.mux(audio.encode(None))
    found = seen(song, detector)
    assert (found.status, found.error) == (Status.SKIPPED, ErrorCode.UNSUPPORTED_MEDIA)
    assert found.detail == "there are no moving pictures in it"

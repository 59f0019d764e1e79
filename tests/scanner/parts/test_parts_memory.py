"""A file of several parts: pictures that wait are bounded, and memory is flat."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import film_strip
import pytest
from filmed_parts import candidate, greys, scanned

from scanner import Detector
from scanner.media.opener import Reading
from scanner.sandbox import launch
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Unit, Work


@pytest.mark.slow
def test_pictures_that_wait_are_bounded(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 0
    original = DecodePool._on_reply

    def watched(pool: DecodePool, decoder: Any) -> None:
        nonlocal most
        original(pool, decoder)
        most = max(most, pool._pictures)

    monkeypatch.setattr(DecodePool, "_on_reply", watched)
    # The first part is slow, and all the others could be read meanwhile.
    film = film_strip.write_film(tmp_path / "a.film", ["slow 8"] * 20 + greys(*[16] * 1980), per_part=20)
    (found,) = scanned([film], detector)
    assert len(found.findings) == 2000
    assert most <= 80 + 2 * 32 + 20, "the window, two rings, and the part that the order waits for"


def test_full_decoders_go_on_when_the_order_waits_for_what_none_of_them_has() -> None:
    pool = DecodePool(1, Reading())
    waiting, other = (Work.of(number, candidate(Path(str(number)))) for number in range(2))
    pool._order.extend([waiting, other])
    pool._pictures = 1000
    released = []

    class Full:
        is_full = True

        def __init__(self, *units: Unit) -> None:
            self.units = units

        def release_slots(self) -> None:
            released.append(self)

    holder, full = Full(waiting.opening), Full(other.opening)
    pool._decoders = [holder, full]  # type: ignore[list-item]
    pool._release_slots()
    assert released == [holder], "there is no memory for what comes later"
    released.clear()
    pool._decoders = [full]  # type: ignore[list-item]
    pool._release_slots()
    assert released == [full], "the head is to be tried again, and needs its place"


PEAK = """
import resource, sys
from pathlib import Path
import film_strip
from scanner import Detector
from scanner.api import scan_candidates
from scanner.sandbox import launch
from scanner.sources import Candidate, MediaKind
film_strip.register()
launch.PROGRAM = launch.PROGRAM.replace("serve(**", film_strip.PROGRAM + "serve(**")
one = Candidate(sys.argv[1], "film", MediaKind.UNKNOWN, True)
(found,) = scan_candidates([one], Detector.load(Path(sys.argv[2]), "cpu"), workers=2, batch_size=1)
print(len(found.findings), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_is_flat_for_ten_thousand_frames(tmp_path: Path, model: Path) -> None:
    def peak(frames: int) -> int:
        film = film_strip.write_film(tmp_path / f"{frames}.film", greys(*[16] * frames), per_part=50)
        words = [sys.executable, "-c", PEAK, str(film), str(model)]
        path = os.pathsep.join([str(Path(film_strip.__file__).parent), str(Path(launch.__file__).parents[2])])
        done = subprocess.run(
            words, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path}
        )
        count, kib = map(int, done.stdout.split())
        assert count == frames
        return kib * 1024

    short, long = peak(500), peak(10_000)
    page = resource.getpagesize()
    assert long - short < 32 << 20, f"{(long - short) // page} pages more, for 2 GB of pictures"

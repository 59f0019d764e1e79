"""A file of several parts: each is read, blamed and continued on its own, as the serial engine does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import film_strip
import pytest
from filmed_parts import candidate, greys, scanned
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import Detector, ErrorCode, FileResult, Limits, Status
from scanner.engine.local import LocalEngine
from scanner.engine.serial import SerialEngine
from scanner.memory import Journal
from scanner.memory.cache import Cache
from scanner.results import SETTLING_NS
from scanner.results.identity import Identity
from scanner.sandbox import launch


def test_a_film_has_one_row_with_a_finding_for_each_frame(
    tmp_path: Path, grey: Callable[..., Path], detector: Detector
) -> None:
    film = film_strip.write_film(tmp_path / "a.film", greys(8, 200, 64, 120, 16), per_part=2)
    still = grey(tmp_path / "b.png", 240)
    found, picture = scanned([film, still], detector)
    assert (found.status, found.format, found.frames) == (Status.OK, "FILM", 5)
    assert [one.frame for one in found.findings] == [0, 1, 2, 3, 4]
    assert [one.time for one in found.findings] == [0, 0.04, 0.08, 0.12, 0.16]
    assert [one.logit for one in found.findings] == [(value - 128) / 32 for value in (8, 200, 64, 120, 16)]
    assert found.prob_fake == found.findings[1].prob_fake
    assert found.coverage is not None
    assert (found.coverage.parts, found.coverage.pictures, found.coverage.failed) == (3, 5, ())
    assert picture.coverage is None and len(picture.findings) == 1


def test_what_cannot_be_read_costs_its_part_alone(
    tmp_path: Path, grey: Callable[..., Path], detector: Detector
) -> None:
    frames = [*greys(8, 16), "crash", *greys(24), "missing", *greys(32)]
    film = film_strip.write_film(tmp_path / "b.film", frames)
    paths = [grey(tmp_path / "a.png", 40), film, grey(tmp_path / "c.png", 48)]
    before, found, after = scanned(paths, detector)
    assert found.status is Status.ERROR and found.error is ErrorCode.DECODE_CRASHED
    assert found.detail.startswith("part 2 of 6: its decoder ended twice")
    assert found.coverage is not None and found.coverage.failed == (
        (2, ErrorCode.DECODE_CRASHED),
        (4, ErrorCode.CORRUPT_IMAGE),
    )
    assert [one.frame for one in found.findings] == [0, 1, 3, 5], "what was seen is kept"
    assert found.prob_fake is None, "a file that was not looked at whole has no number"
    assert (before.status, after.status) == (Status.OK, Status.OK)


def test_a_film_that_does_not_open_is_an_error_of_the_file(tmp_path: Path, detector: Detector) -> None:
    (found,) = scanned([film_strip.write_film(tmp_path / "a.film", [])], detector)
    assert (found.error, found.coverage, found.detail) == (
        ErrorCode.CORRUPT_IMAGE,
        None,
        "a film without frames",
    )


@pytest.mark.slow
def test_a_part_without_end_costs_its_cpu_time_and_no_other_part(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    spin = "film_strip.time.sleep = lambda _: [None for _ in iter(int, 1)]\n"
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", spin + "serve(**"))
    film = film_strip.write_film(tmp_path / "a.film", [*greys(8), "slow 16", *greys(24)])
    (found,) = scanned([film], detector, limits=Limits(cpu_seconds=0.5))
    assert found.coverage is not None and found.coverage.failed == ((1, ErrorCode.DECODE_TIMEOUT),)
    assert [one.frame for one in found.findings] == [0, 2]


KINDS = st.one_of(
    st.tuples(
        st.just("film"),
        st.lists(st.sampled_from([*greys(0, 64, 248), "missing"]), max_size=70),
        st.integers(1, 40),
    ),
    st.tuples(st.just("still"), st.integers(0, 255), st.just(1)),
    st.tuples(st.just("text"), st.text(max_size=5), st.just(1)),
)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(KINDS, max_size=12), workers=st.integers(1, 3))
def test_the_engine_of_one_machine_gives_what_the_serial_one_gives(
    files: list[Any],
    workers: int,
    tmp_path_factory: pytest.TempPathFactory,
    grey: Callable[..., Path],
    detector: Detector,
) -> None:
    folder = tmp_path_factory.mktemp("mixed")
    paths = []
    for number, (kind, content, per_part) in enumerate(files):
        path = folder / f"{number}.{kind}"
        if kind == "film":
            film_strip.write_film(path, content, per_part=per_part)
        elif kind == "still":
            grey(path, content)
        else:
            path.write_text(content)
        paths.append(path)
    expected = list(SerialEngine(detector).results(map(candidate, paths)))
    assert scanned(paths, detector, workers) == expected


def test_more_pictures_than_the_ring_holds_in_one_part(tmp_path: Path, detector: Detector) -> None:
    long = film_strip.write_film(tmp_path / "a.film", greys(*(n % 256 for n in range(300))), per_part=300)
    short = film_strip.write_film(tmp_path / "b.film", greys(*range(100)), per_part=50)
    for found, count in zip(scanned([long, short], detector, workers=1), (300, 100), strict=True):
        assert [one.frame for one in found.findings] == list(range(count))


def test_a_known_film_is_not_read_again(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = film_strip.write_film(tmp_path / "a.film", greys(8, 16, 200))
    identity = Identity.of(detector.facts).key()
    log = tmp_path / "log"
    monkeypatch.setenv("FILM_LOG", str(log))

    def scan() -> FileResult:
        cache = Cache(tmp_path / "cache", identity, Limits(), max_bytes=1 << 20)
        (found,) = scanned([film], detector, recognise=cache.recognise)
        cache.add(found)
        cache.close()
        return found

    first, begun = scan(), log.read_text()
    assert scan() == first
    assert sorted(begun.split()) == ["0", "1", "2"] and log.read_text() == begun


def test_parts_of_an_unfinished_film_are_continued(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = film_strip.write_film(tmp_path / "a.film", [*greys(*range(10)), "missing", *greys(11, 12)])
    settled = "import scanner.results.result; scanner.results.result.SETTLING_NS = -1\n"
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", settled + "serve(**"))
    log = tmp_path / "log"
    monkeypatch.setenv("FILM_LOG", str(log))
    path = tmp_path / "r.journal"
    whole = uninterrupted = scanned([film], detector)[0]
    log.write_text("")
    journal = Journal.open(path, {})
    engine = LocalEngine(detector, workers=1, batch_size=1, parts=journal)
    assert list(engine.results([candidate(film)])) == [whole]
    journal.close()
    # Killed before the file was done: only the lines of its parts are there, all but the last two.
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b'"part"' in line]
    assert len(kept) == 12, "the last part is told with the file"
    path.write_bytes(lines[0] + b"".join(kept[:-1]))
    log.write_text("")
    journal = Journal.open(path, {})
    assert journal.done == 0
    engine = LocalEngine(detector, workers=1, batch_size=1, parts=journal)
    assert list(engine.results([candidate(film)])) == [uninterrupted]
    journal.close()
    assert sorted(map(int, log.read_text().split())) == [11, 12], "the others stood in the journal"


RUN = f"""
import film_strip
from scanner.sandbox import launch
film_strip.register()
launch.PROGRAM = launch.PROGRAM.replace("serve(**", {film_strip.PROGRAM!r} + "serve(**")
from scanner.cli import main; main()
"""


@pytest.mark.slow
def test_a_killed_scan_goes_on_inside_the_film(
    tmp_path: Path, process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    helpers = str(Path(film_strip.__file__).parent)
    film_strip.write_film(tmp_path / "a.film", ["slow 200", "slow 8"] * 60)
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    log, journal = tmp_path / "log", tmp_path / "r.csv.journal"
    env = {"PYTHONPATH": helpers, "FILM_LOG": str(log)}
    outs = ("a.film", "--out", "r.csv", "--out", "r.jsonl", "--workers", 1)
    with process(*outs, code=RUN, env=env, start_new_session=True) as running:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if journal.exists() and journal.read_bytes().count(b'"part"') >= 10:
                break
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGKILL)
    known = journal.read_bytes().count(b'"part"')
    assert 10 <= known < 119
    log.write_text("")
    with process(*outs, code=RUN, env=env) as running:
        _, err = running.communicate(timeout=120)
    assert running.returncode == 1, err.decode()
    again = sorted(map(int, log.read_text().split()))
    assert again == list(range(120 - len(again), 120)) and len(again) <= 120 - known
    row = json.loads((tmp_path / "r.jsonl").read_text())
    assert [one["frame"] for one in row["findings"]] == list(range(120))
    assert row["coverage"] == {"parts": 120, "pictures": 120, "failed": []}
    assert not journal.exists()

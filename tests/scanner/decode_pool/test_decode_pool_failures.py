"""Decoders that crash, hang, answer nonsense and are killed: real processes, real signals."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from decoded_files import WICKED, assert_as_in_this_process, decoded
from PIL import Image

from scanner.media.opener import Reading
from scanner.results import ErrorCode, Status, record
from scanner.sandbox import blame, launch
from scanner.sandbox.decoder import DecoderError
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted
from scanner.sources import Candidate, MediaKind


def errors_of(found: list[Extracted]) -> dict[int, ErrorCode | None]:
    return {
        number: one.result.error for number, one in enumerate(found) if one.result.status is not Status.OK
    }


@pytest.mark.usefixtures("wicked")
def test_a_crash_costs_the_guilty_file_alone(files: Callable[..., list[Candidate]]) -> None:
    names = ["x"] * 60
    names[0] = names[31] = names[32] = names[59] = "crash"
    found = decoded(files(*names))
    assert errors_of(found) == dict.fromkeys((0, 31, 32, 59), ErrorCode.DECODE_CRASHED)
    assert all(found[number].result.stamp is not None for number in (0, 31, 32, 59))
    assert all(one.pictures for one in found if one.result.status is Status.OK)


@pytest.mark.slow
@pytest.mark.usefixtures("wicked")
def test_a_file_without_end_costs_its_cpu_time(files: Callable[..., list[Candidate]]) -> None:
    found = decoded(files("x", "spin", "x", "x", "spin"), cpu_seconds=0.3)
    assert errors_of(found) == dict.fromkeys((1, 4), ErrorCode.DECODE_TIMEOUT)
    assert "0.3 s of CPU time" in found[1].result.detail
    assert found[1].result.stamp is not None, "a later run may know the file again"


@pytest.mark.slow
@pytest.mark.usefixtures("wicked")
def test_a_file_that_stands_still_is_tried_twice(
    files: Callable[..., list[Candidate]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "scanner.sandbox")
    found = decoded(files("x", "hang", "x"), stall_seconds=0.6)
    assert errors_of(found) == {1: ErrorCode.DECODE_TIMEOUT}
    assert "twice" in found[1].result.detail
    assert found[1].result.stamp is not None
    assert "stood still; once more" in caplog.text


@pytest.mark.slow
@pytest.mark.usefixtures("wicked")
def test_a_folder_that_does_not_answer_does_not_hold_up_the_run(
    files: Callable[..., list[Candidate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(blame, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(blame.Stamp, "at", lambda path: answer.wait(60))
    found = decoded(files("x", "crash", "x"))
    answer.set()
    assert errors_of(found) == {1: ErrorCode.DECODE_CRASHED} and found[1].result.stamp is None


@pytest.mark.slow
@pytest.mark.usefixtures("wicked")
def test_a_decoder_killed_from_outside_loses_nothing(files: Callable[..., list[Candidate]]) -> None:
    names = ["x"] * 80
    names[3] = names[50] = "once"
    candidates = files(*names)
    assert_as_in_this_process(decoded(candidates), candidates)


@pytest.mark.slow
def test_kills_at_any_moment_lose_nothing(files: Callable[..., list[Candidate]]) -> None:
    candidates = files(*["x"] * 300)
    rng = np.random.default_rng(0)
    found = []
    with DecodePool(2, Reading()) as decoders:
        for number, one in enumerate(decoders.decode(candidates)):
            found.append(one)
            if number % 40 == 20:
                victim = decoders._decoders[int(rng.integers(len(decoders._decoders)))]
                victim.process.kill()
    assert_as_in_this_process(found, candidates)


@pytest.mark.slow
def test_too_much_memory_is_the_files_own_error(tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    Image.new("L", (9000, 9000)).save(path)
    small = tmp_path / "small.png"
    Image.new("L", (9, 9)).save(small)
    candidates = [Candidate(str(one), one.name, MediaKind.IMAGE, False) for one in (path, small)]
    found = decoded(candidates, workers=1, memory_bytes=100 << 20)
    assert errors_of(found) == {0: ErrorCode.OUT_OF_MEMORY}
    assert errors_of(decoded(candidates, workers=1)) == {}


@pytest.mark.usefixtures("wicked")
def test_what_libraries_write_to_standard_error_goes_to_the_log(
    files: Callable[..., list[Candidate]], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "scanner.sandbox")
    decoded(files("loud"))
    deadline = time.monotonic() + 5
    while "TIFFReadDirectory" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "decoder: TIFFReadDirectory: Warning" in caplog.text
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", None])
def test_decoders_that_cannot_start_end_the_run(
    program: str | None, files: Callable[..., list[Candidate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = [sys.executable, "-c", program] if program else ["/nonexistent"]
    monkeypatch.setattr(launch, "command", lambda **_: line)
    with pytest.raises(DecoderError, match=r"3 decoders ended before|cannot be started: No such file"):
        decoded(files("x"))


FACTS = ["", *[None] * len(record.FACTS)]
"""The last is the stamp."""


LIES = {
    "no such event": [[0, 7]],
    "another's ticket": [["opened", 7, "ok", None, FACTS, [], None]],
    "an error without a code": [["opened", 0, "error", None, FACTS, [], None]],
    "skipped without a code": [["opened", 0, "skipped", None, FACTS, [], None]],
    "skipped with an error's code": [["opened", 0, "skipped", "corrupt_image", FACTS, [], None]],
    "ok with an error's code": [["opened", 0, "ok", "corrupt_image", FACTS, [], None]],
    "ok without a picture": [["opened", 0, "ok", None, FACTS, [], None]],
    "an error with a picture": [
        ["picture", 0, 0, None],
        ["opened", 0, "error", "corrupt_image", FACTS, [], None],
    ],
    "an error with parts": [["opened", 0, "error", "corrupt_image", FACTS, [], [0]]],
    "a face that is nowhere": [
        ["opened", 0, "skipped", "no_face", FACTS, [[[0, 0, 1], 9, 0.8, "too_small"]], None]
    ],
    "a face without a reason": [
        ["opened", 0, "skipped", "no_face", FACTS, [[[0, 0, 1, 1], 9, 0.8, "?"]], None]
    ],
    "a face without a size": [
        ["opened", 0, "skipped", "no_face", FACTS, [[[0, 0, 1, 1], 1e999, 0.8, "too_small"]], None]
    ],
    "a face of no certainty": [
        ["opened", 0, "skipped", "no_face", FACTS, [[[0, 0, 1, 1], 9, math.nan, "too_small"]], None]
    ],
    "a picture of no frame": [["picture", 0, 0, [[0, 0, 1, 1], 1e999, None, None]]],
    "a picture from nowhere": [["picture", 0, 0, [[0, 0, math.nan, 1], 0, None, None]]],
    "a slot twice": [["picture", 0, 0, None], ["picture", 0, 0, None]],
    "a part of what was to be opened": [["done", 0, None]],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_decoder_that_answers_nonsense_is_replaced(
    lie: str, files: Callable[..., list[Candidate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = json.dumps(LIES[lie]).encode()
    liar = launch.PROGRAM.replace("serve(**", f"worker.write_events = lambda events: {words!r}\nserve(**")
    liar = liar.replace("from scanner", "from scanner.sandbox import worker\nfrom scanner", 1)
    monkeypatch.setattr(launch, "PROGRAM", liar)
    (found,) = decoded(files("x"), workers=1)
    assert (found.result.error, found.pictures) == (ErrorCode.DECODE_CRASHED, ())


def test_the_pool_leaves_no_process_and_no_descriptor(files: Callable[..., list[Candidate]]) -> None:
    candidates = files(*["x"] * 40)
    decoded(candidates)
    before = set(os.listdir("/proc/self/fd"))
    with DecodePool(2, Reading()) as decoders:
        results = decoders.decode(candidates)
        next(results)
        processes = [decoder.process for decoder in decoders._decoders]
    assert processes and all(process.poll() is not None for process in processes)
    del decoders, results
    deadline = time.monotonic() + 5  # the listener ends when it has heard of the last decoder's end
    while len(set(os.listdir("/proc/self/fd"))) > len(before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(set(os.listdir("/proc/self/fd"))) <= len(before)


PARENT = """
import json, sys
from scanner.media.opener import Reading
from scanner.sandbox.pool import DecodePool
from scanner.sandbox import launch
from scanner.sources import Candidate, MediaKind
launch.PROGRAM = launch.PROGRAM.replace("serve(**", sys.argv[2] + "serve(**")
paths = json.loads(sys.argv[1])
pool = DecodePool(2, Reading())
results = pool.decode([Candidate(path, path, MediaKind.IMAGE, False) for path in paths])
next(results)
print(*(decoder.process.pid for decoder in pool._decoders), flush=True)
next(results)
"""


@pytest.fixture
def parent(files: Callable[..., list[Candidate]]) -> Iterator[subprocess.Popen[str]]:
    paths = [candidate.path for candidate in files("x", "hang", "spin", *["x"] * 30)]
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(paths), WICKED], stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_decoders_end_soon_after_a_killed_parent(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    decoders = [int(pid) for pid in parent.stdout.readline().split()]
    assert decoders and all(is_running(pid) for pid in decoders)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 5
    while any(is_running(pid) for pid in decoders) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in decoders)


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False

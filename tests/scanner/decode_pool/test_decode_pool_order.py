"""Decoding in processes gives what decoding here gives, in order, with as few processes as keep up."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest
from decoded_files import assert_as_in_this_process, decoded

from scanner.media.opener import Reading
from scanner.results import ErrorCode
from scanner.results.names import encode_path
from scanner.sandbox import launch, pool, scaling
from scanner.sandbox.pool import DecodePool
from scanner.sources import Candidate, MediaKind


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_as_in_this_process_in_order(
    workers: int, files: Callable[..., list[Candidate]], tmp_path: Path
) -> None:
    candidates = files(*["x"] * 150)
    Path(candidates[5].path).write_bytes(b"no image")
    Path(candidates[17].path).unlink()
    known = Candidate("gone", "gone", MediaKind.IMAGE, True, ErrorCode.NOT_FOUND, "No such file")
    odd = os.fsdecode(bytes(tmp_path) + b"/\xff\n.png")
    Path(candidates[0].path).rename(odd)
    candidates[0] = Candidate(odd, encode_path(odd), MediaKind.IMAGE, explicit=True)
    candidates.insert(40, known)
    assert_as_in_this_process(decoded(candidates, workers), candidates)


@pytest.mark.slow
@pytest.mark.usefixtures("wicked")
def test_a_run_that_waits_gets_all_decoders_that_it_may_have(files: Callable[..., list[Candidate]]) -> None:
    candidates = files(*["slow"] * 24)
    with DecodePool(3, Reading()) as decoders:
        found = list(decoders.decode(candidates))
        assert len(decoders._decoders) == 3
        assert all(decoder.given for decoder in decoders._decoders)
    assert_as_in_this_process(found, candidates)


def test_a_run_that_need_not_wait_has_one_decoder(
    files: Callable[..., list[Candidate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may keep any run waiting.
    monkeypatch.setattr(scaling, "_PATIENCE", 60.0)
    candidates = files(*["x"] * 100)
    with DecodePool(3, Reading()) as decoders:
        assert_as_in_this_process(list(decoders.decode(candidates)), candidates)
        assert len(decoders._decoders) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("wicked")
def test_a_run_that_waits_for_a_slow_file_does_not_look_again_and_again(
    files: Callable[..., list[Candidate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float | None] = []

    def counting(readable: Sequence[Any], timeout: float | None = None) -> list[Any]:
        looks.append(timeout)
        return wait(readable, timeout)

    monkeypatch.setattr(pool, "wait", counting)
    candidates = files(*["x"] * 30, "second", *["x"] * 150)
    with DecodePool(2, Reading()) as decoders:
        assert_as_in_this_process(list(decoders.decode(candidates)), candidates)
    # An answer or a file that has come, each time, or a tick.
    assert len(looks) < 2 * len(candidates)


def test_no_candidates_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "command", lambda **_: ["/nonexistent"])
    assert decoded([]) == []


FOREIGN = ("json", "signal", "threading", "models", "scanner", "PIL", "numpy")


def test_decoders_import_what_the_run_imported_whatever_its_folder_holds(
    files: Callable[..., list[Candidate]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = files("x", "y")
    (tmp_path / "here").mkdir()
    for name in FOREIGN:
        (tmp_path / "here" / f"{name}.py").write_text("raise SystemExit(1)\n")
    # A program that was started with its folder on the path, and has moved since.
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.chdir(tmp_path / "here")
    assert_as_in_this_process(decoded(candidates), candidates)
    # One that found the project in a way that its path does not tell.
    home = str(Path(launch.__file__).parents[2])
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != home])
    assert_as_in_this_process(decoded(candidates), candidates)


@pytest.mark.slow
def test_a_busy_machine_may_take_longer_to_start_a_decoder_than_a_file_may_stand_still(
    files: Callable[..., list[Candidate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = launch.PROGRAM.replace("serve(**", "import time; time.sleep(1.5)\nserve(**")
    monkeypatch.setattr(launch, "PROGRAM", slow)
    candidates = files("x", "y")
    assert_as_in_this_process(decoded(candidates, stall_seconds=0.3), candidates)

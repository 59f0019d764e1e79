"""Candidates in, results out: in order, lazily, each with its own score."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np
import pytest

from models.support.errors import ExitCode
from models.support.machine import usable_cores
from scanner import (
    Detector,
    DeviceError,
    ErrorCode,
    FileResult,
    Limits,
    Scores,
    Status,
    scan_files,
    scan_paths,
)
from scanner.api import scan_candidates
from scanner.engine.batches import automatic_batch_size
from scanner.engine.local import ordered_map
from scanner.results.names import encode_path
from scanner.sources import Candidate, MediaKind


def prob(value: int) -> float:
    """What the usual model says of a grey picture."""
    return 1 / (1 + math.exp(-(value - 128) / 32))


@pytest.fixture
def mixed(tmp_path: Path, grey: Callable[..., Path]) -> list[tuple[Path, float | None]]:
    """Ninety files, most of them broken in long and short runs, and the score that each should get."""
    files: list[tuple[Path, float | None]] = []
    for i in range(90):
        path = tmp_path / f"{i:02}.png"
        if i % 7 in (2, 3) or i == 89 or 80 <= i < 83:
            value = 37 + 2 * i
            files.append((grey(path, value), prob(value)))
        else:
            path.write_bytes(b"\x89PNG\r\n\x1a\n broken" * (i % 3))
            files.append((path, None))
    return files


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2, 7, 1000])
@pytest.mark.parametrize("workers", [1, 4])
def test_every_score_stays_with_its_file(
    mixed: list[tuple[Path, float | None]], detector: Detector, workers: int, batch_size: int
) -> None:
    results = scan_files((path for path, _ in mixed), detector, workers=workers, batch_size=batch_size)
    for result, (path, expected) in zip(results, mixed, strict=True):
        assert result.path == encode_path(str(path))
        assert result.prob_fake == (None if expected is None else pytest.approx(expected, abs=1e-6))
        assert (result.status is Status.OK) == (expected is not None)


def test_only_broken_files_give_only_errors(tmp_path: Path, detector: Detector) -> None:
    paths = [tmp_path / f"{i}.jpg" for i in range(150)]
    for path in paths:
        path.touch()
    results = list(scan_files(paths, detector, batch_size=4))
    assert [result.error for result in results] == [ErrorCode.EMPTY_FILE] * 150


def test_a_last_batch_of_one_is_scored_like_any_other(tmp_path: Path, detector: Detector, grey: Any) -> None:
    paths = [grey(tmp_path / f"{value}.png", value) for value in (30, 60, 90, 120, 150)]
    scores = [result.prob_fake for result in scan_files(paths, detector, batch_size=2)]
    assert scores == pytest.approx([prob(value) for value in (30, 60, 90, 120, 150)], abs=1e-6)


def test_batches_are_cut_from_the_order_alone(tmp_path: Path, detector: Detector, grey: Any) -> None:
    paths = [grey(tmp_path / f"{i:02}.png", 100) for i in range(11)]
    (tmp_path / "05.png").write_bytes(b"broken")
    sizes = {}
    for workers in (1, 3):
        recorder = Recorder(detector)
        list(scan_files(paths, recorder, workers=workers, batch_size=4))
        sizes[workers] = sorted(recorder.sizes)
    assert sizes[1] == sizes[3] == [2, 4, 4]


class Recorder(Detector):
    """Notes the size of each batch."""

    def __init__(self, detector: Detector) -> None:
        self.__dict__ |= detector.__dict__
        self.sizes: list[int] = []

    def score(self, images: Any) -> Scores:
        self.sizes.append(len(images))
        return super().score(images)


def test_paths_give_a_generator_of_results_in_order(tmp_path: Path, detector: Detector, grey: Any) -> None:
    for name in ("b.png", "a/x.jpg", "c.txt", "d.mp4"):
        grey(tmp_path / name, 50)
    results = scan_paths([tmp_path], detector)
    assert isinstance(results, GeneratorType)
    found = list(results)
    assert all(isinstance(result, FileResult) for result in found)
    # The pictures are PNG by content, whatever they are called.
    assert [Path(result.path).name for result in found] == ["x.jpg", "b.png", "c.txt", "d.mp4"]
    (finding,) = found[1].findings
    assert (finding.frame, finding.time, finding.region.right) == (0, None, 1.0)


def test_files_are_neither_left_out_nor_merged(tmp_path: Path, detector: Detector, grey: Any) -> None:
    picture = grey(tmp_path / "a.png", 50)
    (tmp_path / "note.txt").write_text("hello")
    results = list(scan_files([picture, tmp_path / "note.txt", tmp_path, picture, tmp_path / "no"], detector))
    assert [result.error for result in results] == [
        None, ErrorCode.NOT_AN_IMAGE, ErrorCode.NOT_A_FILE, None, ErrorCode.NOT_FOUND,
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True])
def test_an_endless_source_is_read_a_bounded_window_ahead(
    tmp_path: Path, detector: Detector, grey: Any, broken: bool
) -> None:
    path = str(tmp_path / "no.png") if broken else str(grey(tmp_path / "a.png", 90))
    taken = 0

    def endless() -> Iterator[Candidate]:
        nonlocal taken
        for i in count():
            taken += 1
            yield Candidate(path, f"{i}", MediaKind.IMAGE, explicit=True)

    results = scan_candidates(endless(), detector, workers=2, batch_size=4)
    assert [result.path for result in islice(results, 500)] == [str(i) for i in range(500)]
    # The walk ahead and the decoders' window, the batch in the making, and three batches of at most 4 + 64 files.
    assert taken < 500 + 2 * (2 * 2 + 1) * 16 + 1 + 4 + 4 * (4 + 64)
    results.close()


def test_an_abandoned_scan_leaves_no_thread_behind(tmp_path: Path, detector: Detector, grey: Any) -> None:
    path = grey(tmp_path / "a.png", 90)
    before = threading.active_count()
    results = scan_files((path for _ in count()), detector, workers=3)
    next(results)
    assert threading.active_count() > before
    results.close()
    assert threading.active_count() == before


def test_ordered_map_keeps_the_order_of_slow_and_fast_items() -> None:
    gate = threading.Event()

    def slow_first(item: int) -> int:
        if item == 0:
            assert gate.wait(10)
        elif item == 3:
            gate.set()
        return item * item

    with ThreadPoolExecutor(2) as pool:
        assert list(ordered_map(pool, slow_first, range(20), window=5)) == [i * i for i in range(20)]


def test_a_model_that_gives_no_number_costs_a_row_and_not_the_scan(
    tmp_path: Path, make_model: Any, grey: Any
) -> None:
    detector = Detector.load(make_model(logit="nan if bright"), "cpu")
    paths = [grey(tmp_path / f"{value}.png", value) for value in (100, 230, 150)]
    for batch_size in (1, 3):
        good, bad, also_good = scan_files(paths, detector, batch_size=batch_size)
        assert good.status is also_good.status is Status.OK
        assert (bad.status, bad.error, bad.prob_fake) == (Status.ERROR, ErrorCode.INFERENCE_FAILED, None)
        assert "nan" in bad.detail and bad.sha256 is not None and bad.width == 12


def test_a_failing_device_ends_the_scan_after_the_rows_before_it(
    tmp_path: Path, make_model: Any, grey: Any
) -> None:
    detector = Detector.load(make_model(logit="crash if bright"), "cpu")
    paths = [grey(tmp_path / f"{i}.png", 250 if i == 5 else 100) for i in range(9)]
    seen = []
    with pytest.raises(DeviceError, match="try a smaller --batch-size or --device cpu") as caught:
        seen.extend(result.path for result in scan_files(paths, detector, workers=2))
    assert caught.value.exit_code is ExitCode.INCOMPLETE

    with pytest.raises(DeviceError):
        for result in scan_files(paths, detector, workers=2):
            seen.append(result.path)
    assert seen[-5:] == [encode_path(str(path)) for path in paths[:5]]


def test_limits_reach_the_decoder(tmp_path: Path, detector: Detector, grey: Any) -> None:
    path = grey(tmp_path / "a.png", 90, (30, 20))
    (result,) = scan_files([path], detector, limits=Limits(max_pixels=599))
    assert result.error is ErrorCode.TOO_MANY_PIXELS


def test_defaults_follow_the_device_and_the_cores(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert automatic_batch_size(detector) == 1 and usable_cores() >= 1
    monkeypatch.setattr(Detector, "on_gpu", property(lambda self: True))
    assert automatic_batch_size(detector) == 64
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 5}, raising=False)
    monkeypatch.setattr("models.support.machine.cpu_quota", lambda: None)
    assert usable_cores() == 3


@pytest.mark.parametrize(("holds", "size"), [(100, 64), (64, 64), (63, 32), (5, 4), (1, 1), (0, 1)])
def test_the_automatic_batch_is_what_the_gpu_holds(
    detector: Detector, monkeypatch: pytest.MonkeyPatch, holds: int, size: int
) -> None:
    def score(self: Detector, images: np.ndarray) -> Scores:
        if len(images) > holds:
            raise DeviceError("out of memory")
        return Scores(np.zeros(len(images), np.float32), np.zeros(len(images), np.float32))

    monkeypatch.setattr(Detector, "on_gpu", property(lambda self: True))
    monkeypatch.setattr(Detector, "score", score)
    assert automatic_batch_size(detector) == size


def test_a_gpu_is_called_from_two_threads(
    tmp_path: Path, detector: Detector, grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Detector, "on_gpu", property(lambda self: True))
    callers = set()

    def score(self: Detector, images: np.ndarray) -> Scores:
        callers.add(threading.get_ident())
        return Scores(np.zeros(len(images), np.float32), np.full(len(images), 0.5, np.float32))

    monkeypatch.setattr(Detector, "score", score)
    paths = [grey(tmp_path / f"{i}.png", 100) for i in range(20)]
    assert len(list(scan_files(paths, detector, workers=4, batch_size=3))) == 20
    assert 1 <= len(callers) <= 2


def test_a_gpu_sees_one_shape_of_batch(
    tmp_path: Path, detector: Detector, grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [grey(tmp_path / f"{i}.png", 10 * i) for i in range(10)]
    expected = [result.prob_fake for result in scan_files(paths, detector)]
    monkeypatch.setattr(Detector, "on_gpu", property(lambda self: True))
    recorder = Recorder(detector)
    found = [result.prob_fake for result in scan_files(paths, recorder, batch_size=4)]
    assert recorder.sizes == [4, 4, 4]  # the last one filled up
    assert found == pytest.approx(expected, abs=1e-4)


def test_no_file_is_left_open(tmp_path: Path, detector: Detector, grey: Any) -> None:
    paths = [grey(tmp_path / "a.gif", 90), grey(tmp_path / "b.jpg", 90), tmp_path / "no.png"]
    (tmp_path / "c.png").write_bytes(paths[0].read_bytes()[:40])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(scan_paths([tmp_path], detector))) == 3

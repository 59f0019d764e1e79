"""The core: candidates in, :class:`FileResult` out, in order; it prints nothing and writes no file.

Two stages, each behind a bounded window: decoding, in processes of its own, and inference, in threads (one caller
per core on a CPU, two in all on a GPU). Batches are cut from the order of the files alone, so the
numbers do not depend on the workers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from models.contract import IMAGE_SIZE
from models.support.machine import usable_cores
from scanner.inference.detector import Detector
from scanner.inference.errors import DeviceError
from scanner.media import Limits
from scanner.media.still import Decoded
from scanner.results import ErrorCode, FileResult, Finding, Status
from scanner.results.names import encode_path
from scanner.sandbox.pool import DecodePool
from scanner.sources import Candidate, MediaKind, Selection, walk

T = TypeVar("T")
R = TypeVar("R")

GPU_BATCH = 64
GPU_CALLERS = 2
"""One batch is copied while the other is computed."""
# Rows that need no inference are handed on at least this often, so that a long run of broken files neither
# waits for a full batch nor piles up.
_FLUSH_AFTER = 64
# Images of one task where they are scored one by one: handing tasks over counts when the model is fast.
_PER_TASK = 4


def automatic_batch_size(detector: Detector) -> int:
    """1 on a CPU, where bigger batches only miss the cache; on a GPU the most of 64, 32, 16 … that it holds.

    Trying also warms it up.
    """
    size = GPU_BATCH if detector.on_gpu else 1
    while size > 1:
        try:
            detector.score(np.zeros((size, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8))
        except DeviceError:
            size //= 2
        else:
            break
    return size


def scan_paths(
    operands: Iterable[str | os.PathLike[str]],
    detector: Detector,
    *,
    selection: Selection | None = None,
    limits: Limits | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Generator[FileResult, None, None]:
    """Scan files and folders as the ``scan`` command does; other files than media are left out in silence, and
    ``.scanignore`` files are not followed."""
    names = [os.fspath(operand) for operand in operands]
    candidates = walk(names, selection or Selection())
    return scan_candidates(candidates, detector, limits=limits, workers=workers, batch_size=batch_size)


def scan_files(
    paths: Iterable[str | os.PathLike[str]],
    detector: Detector,
    *,
    limits: Limits | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Generator[FileResult, None, None]:
    """One result per path, in order, whatever each of them is; nothing is left out or seen twice."""
    names = (os.fspath(path) for path in paths)
    candidates = (Candidate(name, encode_path(name), MediaKind.UNKNOWN, explicit=True) for name in names)
    return scan_candidates(candidates, detector, limits=limits, workers=workers, batch_size=batch_size)


def scan_candidates(
    candidates: Iterable[Candidate | FileResult],
    detector: Detector,
    *,
    limits: Limits | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
    recognise: Callable[[Decoded], Decoded] | None = None,
) -> Generator[FileResult, None, None]:
    """Decode and score candidates; one :class:`FileResult` each, in their order.

    A :class:`FileResult` among them is known already and comes out at its place. ``recognise`` may finish a decoded
    file, whose content it knows, without inference.
    """
    workers = workers or usable_cores()
    size = batch_size or automatic_batch_size(detector)
    callers = GPU_CALLERS if detector.on_gpu else workers
    with DecodePool(workers, limits or Limits()) as decoders, _pool(callers, "infer") as inferers:
        decoded = decoders.decode(candidates)
        # Of larger batches, none must begin elsewhere because there are more callers.
        most = _PER_TASK if size == 1 else size
        batches = _batches(map(recognise, decoded) if recognise else decoded, size, most, callers)
        infer = partial(_infer, detector, size, fill=detector.on_gpu)
        for results in ordered_map(inferers, infer, batches, window=callers + 1):
            yield from results


def ordered_map(
    pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], *, window: int
) -> Iterator[R]:
    """``map`` over a pool, in order, with at most ``window`` items taken from ``items`` and not yet given back."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _pool(threads: int, name: str) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    try:
        yield pool
    finally:
        # After Ctrl-C or an abandoned generator, what has not begun need not begin.
        pool.shutdown(wait=True, cancel_futures=True)


def _batches(decoded: Iterable[Decoded], size: int, most: int, callers: int) -> Iterator[list[Decoded]]:
    """Consecutive files for one task each, with ``size`` images at first and up to ``most`` later.

    Small tasks first, so that a few files are shared out among all callers. It follows from the order alone.
    """
    batch: list[Decoded] = []
    images = tasks = 0
    for item in decoded:
        wanted = min(most, size << min(30, tasks // (4 * callers)))
        batch.append(item)
        images += item.pixels is not None
        if (
            images == wanted
            or (images == 0 and len(batch) >= _FLUSH_AFTER)
            or len(batch) >= wanted + _FLUSH_AFTER
        ):
            yield batch
            batch, images, tasks = [], 0, tasks + 1
    if batch:
        yield batch


def _infer(detector: Detector, size: int, batch: list[Decoded], *, fill: bool) -> list[FileResult]:
    """Runs of ``size`` images each; with ``fill`` the last one is filled up, and its surplus scores are dropped.

    cuDNN looks for the fastest algorithm anew for every shape that it meets, which takes longer than the images.
    """
    pixels = [item.pixels for item in batch if item.pixels is not None]
    scores: list[tuple[float, float]] = []
    for start in range(0, len(pixels), size):
        run = pixels[start : start + size]
        filled = run + [run[-1]] * (size - len(run)) if fill else run
        # One image alone need not be copied.
        joined = b"".join(filled) if len(filled) > 1 else filled[0]
        images = np.frombuffer(joined, np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3)
        logits, probabilities = detector.score(images)
        count = len(run)
        scores += zip(logits[:count].tolist(), probabilities[:count].tolist(), strict=True)
    given = iter(scores)
    return [item.result if item.pixels is None else _scored(item.result, *next(given)) for item in batch]


def _scored(result: FileResult, logit: float, prob_fake: float) -> FileResult:
    if not (np.isfinite(logit) and 0.0 <= prob_fake <= 1.0):
        detail = f"the model gave logit {logit}, prob_fake {prob_fake}"
        return replace(result, status=Status.ERROR, error=ErrorCode.INFERENCE_FAILED, detail=detail)
    return replace(result, findings=(Finding(logit, prob_fake),))

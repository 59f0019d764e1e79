"""Which pictures are scored together: it follows from the order of the files alone, never from the workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from models.contract import InputSpec
from scanner.engine.assemble import Scored, part_result
from scanner.inference.detector import Detector
from scanner.inference.errors import DeviceError
from scanner.media.opener import Picture
from scanner.sandbox.work import Extracted, ramp

GPU_BATCH = 64
# Parts that need no inference are handed on at least this often, so that a long run of broken files neither
# waits for a full batch nor piles up.
_FLUSH_AFTER = 64


def automatic_batch_size(detector: Detector) -> int:
    """1 on a CPU, where bigger batches only miss the cache; on a GPU the most of 64, 32, 16 … that it holds.

    Trying also warms it up.
    """
    size = GPU_BATCH if detector.on_gpu else 1
    edge = detector.spec.size
    while size > 1:
        try:
            detector.score(np.zeros((size, edge, edge, 3), np.uint8))
        except DeviceError:
            size //= 2
        else:
            break
    return size


def batches(extracted: Iterable[Extracted], size: int, most: int, callers: int) -> Iterator[list[Extracted]]:
    """Consecutive parts for one task each, with ``size`` pictures at first and up to ``most`` later.

    A part is not divided: one of many pictures makes a task larger than ``most``.
    """
    batch: list[Extracted] = []
    pictures = tasks = 0
    for item in extracted:
        wanted = min(most, ramp(size, tasks, 4 * callers))
        batch.append(item)
        pictures += len(item.pictures)
        if (
            pictures >= wanted
            or (pictures == 0 and len(batch) >= _FLUSH_AFTER)
            or len(batch) >= wanted + _FLUSH_AFTER
        ):
            yield batch
            batch, pictures, tasks = [], 0, tasks + 1
    if batch:
        yield batch


def score_batch(detector: Detector, size: int, batch: Sequence[Extracted], *, fill: bool) -> list[Scored]:
    """Runs of ``size`` pictures each; with ``fill`` the last one is filled up, and its surplus scores are dropped.

    cuDNN looks for the fastest algorithm anew for every shape that it meets, which takes longer than the pictures.
    """
    pictures = [picture for item in batch for picture in item.pictures]
    scores: list[tuple[float, float]] = []
    for start in range(0, len(pictures), size):
        run = pictures[start : start + size]
        filled = run + [run[-1]] * (size - len(run)) if fill else run
        logits, probabilities = detector.score(images(filled, detector.spec))
        count = len(run)
        scores += zip(logits[:count].tolist(), probabilities[:count].tolist(), strict=True)
    given = iter(scores)
    return [Scored(item, part_result(item, [next(given) for _ in item.pictures])) for item in batch]


def images(pictures: Sequence[Picture], spec: InputSpec) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """``uint8[N, size, size, 3]``."""
    # One picture alone need not be copied.
    joined = b"".join(one.pixels for one in pictures) if len(pictures) > 1 else pictures[0].pixels
    return np.frombuffer(joined, np.uint8).reshape(-1, spec.size, spec.size, 3)

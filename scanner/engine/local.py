"""The engine of one machine: decoders in processes of their own, inference in threads.

Two stages, each behind a bounded window: one caller of the model per core on a CPU, two in all on a GPU. Batches are
cut from the order of the files alone, so the numbers do not depend on the workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

from models.support.machine import usable_cores
from scanner.engine.assemble import Assembler
from scanner.engine.batches import automatic_batch_size, batches, score_batch
from scanner.engine.engine import reading_of
from scanner.inference.detector import Detector
from scanner.media import Limits
from scanner.results import FileResult
from scanner.results.parts import PartResult
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted, Recall, Recognise
from scanner.sources import Candidate

T = TypeVar("T")
R = TypeVar("R")

GPU_CALLERS = 2
"""One batch is copied while the other is computed."""
# Images of one task where they are scored one by one: handing tasks over counts when the model is fast.
_PER_TASK = 4


class PartMemory(Protocol):
    """What keeps the finished parts of files that are not finished."""

    def known_parts(self, result: FileResult) -> Mapping[int, PartResult]: ...
    def add_part(self, result: FileResult, index: int, found: PartResult) -> None: ...


class LocalEngine:
    """An :class:`scanner.engine.engine.Engine`."""

    def __init__(
        self,
        detector: Detector,
        *,
        limits: Limits | None = None,
        workers: int | None = None,
        batch_size: int | None = None,
        recognise: Recognise | None = None,
        parts: PartMemory | None = None,
        recall: Recall = lambda member: member,
    ) -> None:
        """``recognise`` may know a file by its content, before it is scored; ``recall`` a container's member before
        it is read."""
        self._detector, self._limits = detector, limits or Limits()
        self._workers = workers or usable_cores()
        self._batch_size = batch_size or automatic_batch_size(detector)
        self._recognise, self._parts, self._recall = recognise, parts, recall

    def results(self, items: Iterable[Candidate | FileResult]) -> Generator[FileResult, None, None]:
        """See :class:`scanner.engine.engine.Engine`."""
        on_gpu, size = self._detector.on_gpu, self._batch_size
        callers = GPU_CALLERS if on_gpu else self._workers
        # Of larger batches, none must begin elsewhere because there are more callers.
        most = _PER_TASK if size == 1 else size
        score = partial(score_batch, self._detector, size, fill=on_gpu)
        assembler = Assembler(self._detector.metadata.temperature)
        with self._decoders() as decoders, threads(callers, "infer") as inferers:
            extracted = map(self._recognised, decoders.decode(items, self._recall))
            cut = batches(extracted, size, most, callers)
            for scored in ordered_map(inferers, score, cut, window=callers + 1):
                for part, found in scored:
                    result = assembler.add(part, found)
                    if result is not None:
                        yield result
                    elif self._parts is not None and part.known is None:
                        self._parts.add_part(part.result, part.index, found)

    def _decoders(self) -> DecodePool:
        return DecodePool(
            self._workers,
            reading_of(self._detector, self._limits),
            recognise=self._recognise,
            known_parts=None if self._parts is None else self._parts.known_parts,
        )

    def _recognised(self, extracted: Extracted) -> Extracted:
        """Files of several parts were recognised as they were opened."""
        if self._recognise is None or extracted.parts is not None or not extracted.pictures:
            return extracted
        known = self._recognise(extracted.result)
        return extracted if known is None else Extracted(known)


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
def threads(number: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Ended with the block."""
    pool = ThreadPoolExecutor(number, thread_name_prefix=name)
    try:
        yield pool
    finally:
        # After Ctrl-C or an abandoned generator, what has not begun need not begin.
        pool.shutdown(wait=True, cancel_futures=True)

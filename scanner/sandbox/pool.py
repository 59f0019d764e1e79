"""The run's side of the decoders: hands out tasks, keeps the order, finds the culprit, replaces the dead.

Neither of the kept libraries fits: loky has no time limit for a task and stops altogether when one process dies, and
pebble's processes share one locked pipe, which a process killed at the wrong moment leaves locked.
"""

from __future__ import annotations

import logging
import time
from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count
from multiprocessing.connection import wait

from scanner.media.opener import Opened, Reading
from scanner.results import FileResult
from scanner.results.names import printable
from scanner.sandbox.blame import charge, fail
from scanner.sandbox.decoder import MESSAGES, Decoder, DecoderError
from scanner.sandbox.members import items_of
from scanner.sandbox.protocol import FileOpened
from scanner.sandbox.read_ahead import ReadAhead
from scanner.sandbox.scaling import Scaling
from scanner.sandbox.stderr_log import StderrLog
from scanner.sandbox.work import Extracted, KnownParts, Recall, Recognise, Unit, Work, next_parts, ramp
from scanner.sources import Candidate

log = logging.getLogger("scanner.sandbox")

CHUNK = 16
"""At most so many files are opened for one message."""

_TICK = 0.5
"""Seconds between looks at decoders that say nothing."""
_FAILED_STARTS = 3
"""Decoders that may end in a row before they have begun a task."""


class DecodePool:
    """Up to ``workers`` decoders, started as they are needed. Close it, or use it in a ``with``."""

    def __init__(
        self,
        workers: int,
        reading: Reading,
        *,
        recognise: Recognise | None = None,
        known_parts: KnownParts | None = None,
    ) -> None:
        """``recognise`` and ``known_parts`` are asked about files of several parts."""
        self._workers, self._reading = workers, reading
        self._recognise, self._known_parts = recognise, known_parts
        self._decoders: list[Decoder] = []
        self._scaling = Scaling(workers)
        self._order: deque[Work] = deque()
        self._window = (MESSAGES * workers + 1) * CHUNK
        """Files, and pictures, that may wait for their turn."""
        self._retries: deque[list[Unit]] = deque()
        self._partial: list[Work] = []
        """Files with parts that no decoder was given, in their order."""
        self._pictures = 0
        """That wait for their turn."""
        self._failed_starts = 0
        self._taken = 0
        self._numbers = count()
        self._stderr: StderrLog | None = None
        self._recall: Recall = lambda member: member

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all decoders at once."""
        for decoder in self._decoders:
            decoder.end()
        self._decoders.clear()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def decode(
        self, candidates: Iterable[Candidate | FileResult], recall: Recall = lambda member: member
    ) -> Iterator[Extracted]:
        """Each candidate's parts, in order; whatever a file does to a decoder, the others go on.

        A :class:`FileResult` among them is known already and comes out at its place; ``recall`` is asked for those of
        a container's members, which come before the container itself.

        Raises :class:`DecoderError` when no decoder can be started.
        """
        source = ReadAhead(candidates, self._window)
        self._recall = recall
        try:
            while True:
                self._dispatch(source)
                while self._order:
                    work = self._order[0]
                    for extracted in work.ready():
                        self._pictures -= len(extracted.pictures)
                        yield extracted
                        self._dispatch(source)
                    if not work.is_given:
                        break
                    self._order.popleft()
                    self._release_slots()
                if not self._order and source.ended:
                    return
                self._listen(source)
        finally:
            source.close()

    def _dispatch(self, source: ReadAhead[Candidate | FileResult]) -> None:
        self._release_slots()
        while self._has_room():
            units = (
                self._retries.popleft() if self._retries else self._next_part() or self._next_files(source)
            )
            if not units:
                return
            decoder = self._least_busy()
            try:
                decoder.give(units)
            except OSError:
                self._on_exit(decoder)

    def _next_part(self) -> list[Unit]:
        head = self._order[0].head if self._order else None
        return next_parts(self._partial, head, self._has_memory)

    def _next_files(self, source: ReadAhead[Candidate | FileResult]) -> list[Unit]:
        while self._wants_files():
            # Small chunks first: a few files are shared out among all decoders, and results come soon.
            size = min(CHUNK, ramp(1, self._taken, 2 * self._workers))
            taken = source.take(size)
            if not taken:
                return []
            works = [Work.of((next(self._numbers),), item) for item in taken]
            self._order.extend(works)
            if units := [work.opening for work in works if not work.opening.is_done]:
                self._taken += 1
                return units
        return []

    def _has_room(self) -> bool:
        few = len(self._decoders) < self._scaling.wanted
        return few or any(decoder.load < MESSAGES for decoder in self._decoders)

    def _wants_files(self) -> bool:
        return len(self._order) < self._window and self._has_memory()

    def _has_memory(self) -> bool:
        """For more pictures that wait for their turn."""
        return self._pictures < self._window

    def _release_slots(self) -> None:
        """Let full decoders go on, while there is memory, or if the order waits for what they have.

        All of them, if it waits for what none of them has: a retry finds no room before they have done their own.
        """
        full = [decoder for decoder in self._decoders if decoder.is_full]
        if not full:
            return
        head = self._order[0].head if self._order else None
        holders = [decoder for decoder in self._decoders if head in decoder.units]
        is_waiting = head is not None and not head.is_done
        for decoder in full:
            if self._has_memory() or (is_waiting and (not holders or decoder in holders)):
                try:
                    decoder.release_slots()
                except OSError:
                    self._on_exit(decoder)

    def _least_busy(self) -> Decoder:
        """An idle decoder, a new one or, when there are as many as there may be, the one with the fewest messages."""
        least = min(self._decoders, key=lambda one: one.load, default=None)
        if least is None or (least.load and len(self._decoders) < self._scaling.wanted):
            return self._start()
        return least

    def _listen(self, source: ReadAhead[Candidate | FileResult]) -> None:
        """Wait for an answer, a death, a candidate or a tick."""
        busy = [decoder for decoder in self._decoders if not decoder.is_idle]
        # Candidates that cannot be taken are no news: nothing would be waited for any more.
        news = [source.wake] if self._has_room() and self._wants_files() and not source.ended else []
        before = time.monotonic()
        # One that is still starting is not waited for: others would take its time away.
        warm = bool(busy) and all(decoder.ring.begun for decoder in self._decoders)
        ready = wait([*(decoder.answers for decoder in busy), *news], timeout=_TICK)
        now = time.monotonic()
        if warm:
            self._scaling.waited(now - before)
        for decoder in busy:
            if decoder.answers in ready:
                self._on_reply(decoder)
            elif decoder.ring.begun != decoder.begun:
                decoder.begun, decoder.last_progress = decoder.ring.begun, now
            elif not decoder.is_full and now - decoder.last_progress > decoder.patience(self._reading.limits):
                self._on_exit(decoder, stalled=True)

    def _on_reply(self, decoder: Decoder) -> None:
        before = decoder.taken
        try:
            ended = decoder.receive()
        except (EOFError, OSError):
            self._on_exit(decoder)
            return
        except (ValueError, TypeError, KeyError, IndexError):
            self._pictures += decoder.taken - before
            log.warning("a decoder answered nonsense and is replaced")
            self._on_exit(decoder)
            return
        self._failed_starts = 0
        self._pictures += decoder.taken - before
        for unit, event in ended:
            if isinstance(event, FileOpened):
                self._on_opened(unit, Opened(event.result, parts=event.parts, members=event.members))
            else:
                unit.gap, unit.looked, unit.is_done = event.gap, event.looked, True
                if event.gap is not None:
                    self._drop_pictures(unit)

    def _on_opened(self, unit: Unit, opened: Opened) -> None:
        work = unit.file
        if opened.members is not None:
            work.holds(opened.result, items_of(unit.candidate, opened.result, opened.members, self._recall))
            insort(self._partial, work, key=lambda one: one.number)
            return
        if not opened.parts:
            work.opened(opened, {})
            return
        self._drop_pictures(unit)
        if self._recognise is not None and (final := self._recognise(opened.result)) is not None:
            work.ended(final)
            return
        work.opened(opened, self._known_parts(opened.result) if self._known_parts else {})
        insort(self._partial, work, key=lambda one: one.number)

    def _on_exit(self, decoder: Decoder, *, stalled: bool = False) -> None:
        """A decoder ended, or must be ended: charge what it had in hand, and do the rest again."""
        self._decoders.remove(decoder)
        decoder.end()
        exit_code = decoder.process.returncode
        if not decoder.ring.begun:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                raise DecoderError(
                    f"{self._failed_starts} decoders ended before their first file (exit code {exit_code}); "
                    "run again with --log-file to see what they said"
                )
        culprit = decoder.culprit()
        for unit in decoder.units:
            self._drop_pictures(unit)
        if culprit is not None:
            self._charge(culprit, exit_code, stalled=stalled, is_aside=decoder.ring.is_aside)
        others = [unit for unit in decoder.units if unit is not culprit]
        for start in range(0, len(others), CHUNK):
            self._retries.append(others[start : start + CHUNK])

    def _charge(self, unit: Unit, exit_code: int, *, stalled: bool, is_aside: bool) -> None:
        unit.failures += 1
        gap = charge(exit_code, unit.failures, self._reading.limits, stalled=stalled)
        if gap is not None and not unit.give_up_check(is_aside=is_aside):
            fail(unit, gap)
            return
        what = "stood still" if stalled else f"ended ({exit_code})"
        log.info("%s: its decoder %s; once more", printable(unit.candidate.name), what)
        self._retries.append([unit])

    def _drop_pictures(self, unit: Unit) -> None:
        self._pictures -= len(unit.pictures)
        unit.pictures.clear()

    def _start(self) -> Decoder:
        if self._stderr is None:
            self._stderr = StderrLog()
        decoder = Decoder(self._reading, self._stderr.writer)
        self._decoders.append(decoder)
        return decoder

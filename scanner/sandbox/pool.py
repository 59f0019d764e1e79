"""The run's side of the decoders: hands out chunks, keeps the order, finds the guilty file, replaces the dead.

Neither of the kept libraries fits: loky has no time limit for a task and stops altogether when one process dies, and
pebble's processes share one locked pipe, which a process killed at the wrong moment leaves locked.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from models.support.errors import Failure
from scanner.media.limits import Limits
from scanner.media.still import Decoded, decode, failed
from scanner.results import ErrorCode, FileResult, Stamp
from scanner.results.names import printable
from scanner.sandbox import protocol
from scanner.sandbox.read_ahead import ReadAhead
from scanner.sandbox.ring import CHUNK, SLOTS, Slab, new_file
from scanner.sandbox.worker import CPU_LIMIT_SIGNAL, ENVIRONMENT, command
from scanner.sources import Candidate

log = logging.getLogger("scanner.sandbox")

_TICK = 0.5
"""Seconds between looks at decoders that say nothing."""
_PATIENCE = 0.02
"""Seconds that a run may wait for decoders that are at work before it gets as many again."""
_START_SECONDS = 60.0
"""That a decoder may take until it has begun its first file."""
_ANSWER_SECONDS = 1.0
"""That a file system may take to say what it knows of a file."""
_STARTS_IN_VAIN = 3
"""Decoders that may end in a row before they have begun a file."""


class DecoderError(Failure):
    """Decoders cannot be started."""


@dataclass(kw_only=True)
class _Place:
    """In the order of the results."""

    decoded: Decoded | None = None


@dataclass(kw_only=True)
class _File(_Place):
    candidate: Candidate
    failures: int = 0
    """Decoders that ended, or stood still, with this file in hand."""


@dataclass
class _Chunk:
    files: list[_File]
    slot: int
    first: int
    """How many files the decoder had been given before."""


@dataclass
class _Decoder:
    process: subprocess.Popen[bytes]
    tasks: Connection
    answers: Connection
    slab: Slab
    given: int = 0
    chunks: deque[_Chunk] = field(default_factory=deque)
    begun: int = 0
    moved: float = 0.0
    """When ``begun`` was last seen to change, or the decoder was given something to do."""


class DecodePool:
    """Up to ``workers`` decoders, started as they are needed. Close it, or use it in a ``with``.

    One keeps many cores of a slow network busy, and every further one takes their time to start. So more are started
    only when the run waits for those that are there.
    """

    def __init__(self, workers: int, limits: Limits) -> None:
        self._workers, self._limits = workers, limits
        self._decoders: list[_Decoder] = []
        self._wanted = 1
        self._waited = 0.0
        """Since decoders were last added."""
        self._again: deque[list[_File]] = deque()
        self._in_vain = 0
        self._taken = 0
        self._voices: tuple[int, int] | None = None
        self._listener: threading.Thread | None = None

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all decoders at once."""
        for decoder in self._decoders:
            self._end(decoder)
        self._decoders.clear()
        if self._voices is not None:
            os.close(self._voices[1])
            self._voices = None
        if self._listener is not None:
            self._listener.join()  # all who could write to it are gone
            self._listener = None

    def decode(self, candidates: Iterable[Candidate | FileResult]) -> Iterator[Decoded]:
        """One :class:`Decoded` for each candidate, in order; whatever a file does to a decoder, the others go on.

        A :class:`FileResult` among them is known already and comes out at its place.

        Raises :class:`DecoderError` when no decoder can be started.
        """
        order: deque[_Place] = deque()
        window = (SLOTS * self._workers + 1) * CHUNK
        source = ReadAhead(candidates, window)
        try:
            while True:
                self._feed(source, order, window)
                while order and order[0].decoded is not None:
                    yield order.popleft().decoded  # type: ignore[misc]
                    self._feed(source, order, window)
                if not order and source.ended:
                    return
                self._listen(source)
        finally:
            source.close()

    def _feed(self, source: ReadAhead[Candidate | FileResult], order: deque[_Place], window: int) -> None:
        while self._has_room():
            files = self._again.popleft() if self._again else self._next_files(source, order, window)
            if not files:
                return
            self._give(self._least_busy(), files)

    def _next_files(
        self, source: ReadAhead[Candidate | FileResult], order: deque[_Place], window: int
    ) -> list[_File]:
        while len(order) < window:
            # Small chunks first: a few files are shared out among all decoders, and results come soon.
            size = min(CHUNK, 1 << min(30, self._taken // (2 * self._workers)))
            taken = source.take(size)
            if not taken:
                return []
            places = [self._place(item) for item in taken]
            order.extend(places)
            if files := [place for place in places if isinstance(place, _File)]:
                self._taken += 1
                return files
        return []

    def _place(self, item: Candidate | FileResult) -> _Place:
        if isinstance(item, FileResult):
            return _Place(decoded=Decoded(item))
        if item.problem is not None:
            return _Place(decoded=decode(item, self._limits))  # known already: nothing is opened
        return _File(candidate=item)

    def _has_room(self) -> bool:
        few = len(self._decoders) < self._wanted
        return few or any(len(decoder.chunks) < SLOTS for decoder in self._decoders)

    def _least_busy(self) -> _Decoder:
        """An idle decoder, a new one or, when there are as many as there may be, the one with the fewest chunks."""
        least = min(self._decoders, key=lambda one: len(one.chunks), default=None)
        if least is None or (least.chunks and len(self._decoders) < self._wanted):
            return self._start()
        return least

    def _give(self, decoder: _Decoder, files: list[_File]) -> None:
        used = {chunk.slot for chunk in decoder.chunks}
        slot = next(number for number in range(SLOTS) if number not in used)
        if not decoder.chunks:
            decoder.moved = time.monotonic()
        decoder.chunks.append(_Chunk(files, slot, decoder.given))
        decoder.given += len(files)
        try:
            decoder.tasks.send_bytes(protocol.task(slot, [file.candidate for file in files]))
        except OSError:
            self._lost(decoder)

    def _listen(self, source: ReadAhead[Candidate | FileResult]) -> None:
        """Wait for an answer, a death, a candidate or a tick."""
        busy = [decoder for decoder in self._decoders if decoder.chunks]
        # Without room for more, candidates that have come are no news.
        news = [source.wake] if self._has_room() and not source.ended else []
        before = time.monotonic()
        # One that is still starting is not waited for: others would take its time away.
        warm = bool(busy) and all(decoder.slab.begun for decoder in self._decoders)
        ready = wait([*(decoder.answers for decoder in busy), *news], timeout=_TICK)
        now = time.monotonic()
        if warm:
            self._waited += now - before
        if self._waited > _PATIENCE and self._wanted < self._workers:
            self._wanted, self._waited = min(2 * self._wanted, self._workers), 0.0
        for decoder in busy:
            if decoder.answers in ready:
                self._hear(decoder)
            elif decoder.slab.begun != decoder.begun:
                decoder.begun, decoder.moved = decoder.slab.begun, now
            elif now - decoder.moved > self._patience(decoder):
                self._lost(decoder, stalled=True)

    def _patience(self, decoder: _Decoder) -> float:
        """Seconds: a busy machine may take longer to start a decoder than a file may stand still."""
        stall = self._limits.stall_seconds
        return stall if decoder.begun else max(stall, _START_SECONDS)

    def _hear(self, decoder: _Decoder) -> None:
        chunk = decoder.chunks[0]
        try:
            message = decoder.answers.recv_bytes()
            slot, found = protocol.read_answer(message, [file.candidate.name for file in chunk.files])
            if slot != chunk.slot:
                raise ValueError(slot)
        except (EOFError, OSError):
            self._lost(decoder)
            return
        except (ValueError, TypeError, KeyError):
            log.warning("a decoder answered nonsense and is replaced")
            self._lost(decoder)
            return
        self._in_vain = 0
        decoder.chunks.popleft()
        decoder.moved = time.monotonic()
        for place, (file, (result, has_pixels)) in enumerate(zip(chunk.files, found, strict=True)):
            file.decoded = Decoded(result, decoder.slab.take(chunk.slot, place) if has_pixels else None)

    def _lost(self, decoder: _Decoder, *, stalled: bool = False) -> None:
        """A decoder ended, or must be ended: find the file that it had in hand, and do the others again."""
        self._decoders.remove(decoder)
        self._end(decoder)
        begun = decoder.slab.begun
        in_hand = begun - 1
        if not begun:
            self._in_vain += 1
            if self._in_vain >= _STARTS_IN_VAIN:
                raise DecoderError(
                    f"{self._in_vain} decoders ended before their first file (exit code "
                    f"{decoder.process.returncode}); run again with --log-file to see what they said"
                )
        for chunk in decoder.chunks:
            guilty = in_hand - chunk.first
            others = [file for number, file in enumerate(chunk.files) if number != guilty]
            if begun and 0 <= guilty < len(chunk.files):
                self._blame(chunk.files[guilty], decoder.process.returncode, stalled=stalled)
            if others:
                self._again.append(others)
        decoder.chunks.clear()

    def _blame(self, file: _File, exit_code: int, *, stalled: bool) -> None:
        file.failures += 1
        if exit_code == -CPU_LIMIT_SIGNAL:
            detail = f"decoding took more than {self._limits.cpu_seconds:g} s of CPU time"
            file.decoded = _ended_decoders(file.candidate, ErrorCode.DECODE_TIMEOUT, detail)
        elif file.failures < 2:
            # It may have been killed, or held up, from outside.
            what = "stood still" if stalled else f"ended ({exit_code})"
            log.info("%s: its decoder %s; once more", printable(file.candidate.name), what)
            self._again.append([file])
        elif stalled:
            detail = f"decoding stood still for {self._limits.stall_seconds:g} s, twice"
            file.decoded = _ended_decoders(file.candidate, ErrorCode.DECODE_TIMEOUT, detail)
        else:
            detail = f"its decoder ended twice ({exit_code})"
            file.decoded = _ended_decoders(file.candidate, ErrorCode.DECODE_CRASHED, detail)

    def _start(self) -> _Decoder:
        if self._voices is None:
            self._voices = os.pipe()
            self._listener = threading.Thread(target=_log_lines, args=(self._voices[0],), daemon=True)
            self._listener.start()
        # Pipes and not a socket: a scan opens none, and whoever watches it may rely on that.
        tasks_out, tasks = os.pipe()
        answers, answers_in = os.pipe()
        slab_file = new_file()
        passed = (tasks_out, answers_in, slab_file)
        try:
            slab = Slab(slab_file)
            line = command(tasks=tasks_out, answers=answers_in, slab=slab_file, limits=self._limits)
            process = subprocess.Popen(
                line,
                pass_fds=passed,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._voices[1],
                env={**ENVIRONMENT, **os.environ},
            )
        except OSError as error:
            os.close(tasks)
            os.close(answers)
            raise DecoderError(f"a decoder cannot be started: {error.strerror}") from None
        finally:
            for descriptor in passed:
                os.close(descriptor)
        decoder = _Decoder(
            process, Connection(tasks, readable=False), Connection(answers, writable=False), slab
        )
        self._decoders.append(decoder)
        return decoder

    def _end(self, decoder: _Decoder) -> None:
        decoder.process.poll()  # what it died of, before it is killed
        decoder.process.kill()
        decoder.process.wait()
        decoder.tasks.close()
        decoder.answers.close()


def _ended_decoders(candidate: Candidate, code: ErrorCode, detail: str) -> Decoded:
    """With the file's stamp after the failure, by which a later run may know that it failed on the same file."""
    found: list[Stamp | None] = []
    # A folder that does not answer must not hold up the run itself.
    asking = threading.Thread(target=lambda: found.append(Stamp.at(candidate.path)), daemon=True)
    asking.start()
    asking.join(_ANSWER_SECONDS)
    return failed(candidate, code, detail, stamp=found[0] if found else None)


def _log_lines(descriptor: int) -> None:
    """What decoders, and the libraries in them, write to standard error goes to the log."""
    with os.fdopen(descriptor, encoding="utf-8", errors="backslashreplace") as stream:
        for line in stream:
            log.info("decoder: %s", printable(line.rstrip()))

"""A decoder: a process that takes tasks, decodes within its limits, and ends with its parent."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from models.contract import InputSpec
from models.faces.rules import FaceRules, NoFace
from scanner.media.extract import open_candidate, part_pictures, prepare
from scanner.media.limits import Limits
from scanner.media.opener import Picture, Reading
from scanner.results.credentials import TrustList, Verification
from scanner.results.parts import Gap, Looked
from scanner.results.sampling import Sampling
from scanner.sandbox.protocol import (
    Event,
    FileOpened,
    PartDone,
    PictureReady,
    RingFull,
    Task,
    read_tasks,
    write_events,
)
from scanner.sandbox.ring import SLOTS, Ring


def serve(*, tasks: int, answers: int, ring: int, parent: int, **told: Any) -> None:
    """Decode what comes until the other end is closed."""
    # A Ctrl-C reaches the whole group; the run decides what it means, and its end closes the connection.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    warnings.simplefilter("ignore")
    faces = FaceRules(told["faces"]["min_face"], NoFace(told["faces"]["no_face"]))
    reading = Reading(
        Limits(**told["limits"]), InputSpec(**told["spec"]), faces, Sampling(**told["sampling"])
    )
    memory = Ring(ring, reading.spec.picture_bytes)
    os.close(ring)
    reading = replace(reading, verification=_verification(told["verification"]), aside=memory.aside)
    prepare(reading)
    _limit_memory(reading.limits.memory_bytes)
    asked, answered = Connection(tasks, writable=False), Connection(answers, readable=False)
    with contextlib.suppress(EOFError, ConnectionError):
        _Worker(reading, memory, asked, answered).run()


def _verification(facts: dict[str, str] | None) -> Verification | None:
    """The trust list comes on standard input."""
    if facts is None:
        return None
    pem = sys.stdin.read()
    return Verification(facts["c2pa"], TrustList("", facts["trust_list"], "", 0, pem) if pem else None)


class _Worker:
    def __init__(self, reading: Reading, ring: Ring, asked: Connection, answered: Connection) -> None:
        self._reading, self._ring = reading, ring
        self._asked, self._answered = asked, answered
        # The slot that was freed last is taken first: memory that was never touched costs nothing.
        self._free = list(reversed(range(SLOTS)))
        self._waiting: deque[list[Task]] = deque()
        self._events: list[Event] = []

    def run(self) -> None:
        """Raises ``EOFError`` or ``ConnectionError`` when the run is gone."""
        while True:
            while not self._waiting:
                self._receive()
            for task in self._waiting.popleft():
                self._ring.begin()
                with _cpu_time(self._reading.limits.cpu_seconds):
                    self._do(task)
            self._send()

    def _do(self, task: Task) -> None:
        if task.part is None:
            reading = replace(self._reading, spare=True) if task.spare else self._reading
            opened = open_candidate(task.candidate, reading)
            for picture in opened.pictures:
                self._put(task.ticket, picture)
            self._events.append(FileOpened(task.ticket, opened.result, opened.parts, opened.members))
            return
        gap: Gap | None = None
        looked: Looked | None = None
        for found in part_pictures(task.candidate, task.part, self._reading):
            match found:
                case Gap():
                    gap = found
                case Looked():
                    looked = found
                case _:
                    self._put(task.ticket, found)
        self._events.append(PartDone(task.ticket, gap, looked))

    def _put(self, ticket: int, picture: Picture) -> None:
        if not self._free:
            self._events.append(RingFull())
            self._send()
            while not self._free:
                self._receive()
        slot = self._free.pop()
        self._ring.put(slot, picture.pixels)
        self._events.append(PictureReady(ticket, slot, picture.where))

    def _receive(self) -> None:
        free_slots, tasks = read_tasks(self._asked.recv_bytes())
        self._free.extend(free_slots)
        if tasks:
            self._waiting.append(tasks)

    def _send(self) -> None:
        self._answered.send_bytes(write_events(self._events))
        self._events.clear()


@contextlib.contextmanager
def _cpu_time(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory(extra: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # of hostile pictures, and as large as they
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return  # not Linux: no cheap way to know what this process takes by itself
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + extra
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _end_with(parent: int) -> None:
    """End within a second of the parent, even from the middle of a file."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

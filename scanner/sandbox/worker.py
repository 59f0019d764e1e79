"""A decoder: a process that takes tasks, decodes within its limits, and ends with its parent."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, replace
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

CPU_LIMIT_SIGNAL = signal.SIGPROF
"""What the kernel ends a decoder with whose task has used up its CPU time; a library in a loop cannot refuse it."""

ENVIRONMENT = {
    # Pictures of this size would otherwise be given back to the system, and their pages be made anew, for every file:
    # a tenth of the time of a small JPEG.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    # No linear algebra here: threads for it would only cost the start.
    "OPENBLAS_NUM_THREADS": "1",
}
"""Of a decoder, where the user's says nothing else (glibc's allocator, numpy)."""

PROGRAM = """
import sys
sys.path[:] = sys.argv[2:]
import json
from models.support.loading import frozen
with frozen():
    from scanner.sandbox.worker import serve
serve(**json.loads(sys.argv[1]))
"""


def command(
    *, tasks: int, answers: int, ring: int, reading: Reading, program: str | None = None
) -> list[str]:
    """The command line of a decoder with these file descriptors.

    A program of its own and not ``multiprocessing``: that would run the user's main module again, or fork a process
    full of threads. It finds the modules where this process found them: nothing is imported before its path is this
    one's, and with ``-P`` its working folder is not on it.
    """
    descriptors = {"tasks": tasks, "answers": answers, "ring": ring}
    told = {name: asdict(getattr(reading, name)) for name in ("limits", "spec", "faces", "sampling")}
    verification = None
    if (known := reading.verification) is not None:
        verification = known.facts()
    arguments = {**descriptors, "parent": os.getpid(), **told, "verification": verification}
    return [sys.executable, "-P", "-c", program or PROGRAM, json.dumps(arguments), *_module_path()]


def _module_path() -> list[str]:
    """``sys.path`` of this process, and the folder of this project if it was found in another way."""
    # A program that uses the library may have changed its folder since; "" would now mean another one.
    path = [entry for entry in sys.path if entry]
    home = str(Path(__file__).parents[2])
    return path if home in path else [home, *path]


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

"""The run's handle on one decoder: its process, its pipes, its ring, and what it was given to do."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection

from models.support.errors import Failure
from scanner.media.limits import MOST_PICTURES, Limits
from scanner.media.opener import Picture, Reading
from scanner.results import Status
from scanner.sandbox import launch
from scanner.sandbox.protocol import (
    Event,
    FileOpened,
    PartDone,
    PictureReady,
    RingFull,
    Task,
    read_events,
    write_tasks,
)
from scanner.sandbox.ring import Ring, new_file
from scanner.sandbox.work import Unit

MESSAGES = 2
"""That a decoder may have: one in work, one that waits or is being read."""


_START_SECONDS = 60.0
"""That a decoder may take until it has begun its first task."""


class DecoderError(Failure):
    """Decoders cannot be started."""


class Decoder:
    """Raises :class:`DecoderError` if it cannot be started."""

    def __init__(self, reading: Reading, stderr: int) -> None:
        self.process, self.tasks, self.answers, self.ring = _start(reading, stderr)
        self.given = 0
        """Tasks, since it started."""
        self.begun = 0
        """Of them, as last seen."""
        self.last_progress = 0.0
        """When ``begun`` was last seen to change, or the decoder was given something to do or said something."""
        self.taken = 0
        """Pictures, since it started."""
        self.is_full = False
        """Whether it waits for slots."""
        self._units: dict[int, Unit] = {}
        """By ticket, in the order in which they were given; a ticket is its number since the start."""
        self._messages: deque[int] = deque()
        """The last ticket of each message that is not done."""
        self._free: list[int] = []

    @property
    def units(self) -> list[Unit]:
        """What it was given and has not done."""
        return list(self._units.values())

    @property
    def is_idle(self) -> bool:
        return not self._units

    @property
    def load(self) -> int:
        """Messages in work or waiting."""
        return len(self._messages)

    def give(self, units: Sequence[Unit]) -> None:
        """Raises ``OSError`` if it is gone."""
        if self.is_idle:
            self.last_progress = time.monotonic()
        tasks = []
        for unit in units:
            self._units[self.given] = unit
            tasks.append(Task(self.given, unit.candidate, unit.part, unit.spare))
            self.given += 1
        self._messages.append(self.given - 1)
        self._send(tasks)

    def release_slots(self) -> None:
        """Let it go on. Raises ``OSError`` if it is gone."""
        self.is_full = False
        self.last_progress = time.monotonic()
        self._send([])

    def receive(self) -> list[tuple[Unit, FileOpened | PartDone]]:
        """What it has ended since; pictures stand in the units.

        Raises ``EOFError`` or ``OSError`` if it is gone, ``ValueError``, ``TypeError``, ``KeyError`` or ``IndexError``
        if it says what no decoder says.
        """
        message = self.answers.recv_bytes()
        names = {ticket: unit.candidate.name for ticket, unit in self._units.items()}
        ended = [done for event in read_events(message, names) if (done := self._take(event)) is not None]
        self.last_progress = time.monotonic()
        while self._messages and all(ticket > self._messages[0] for ticket in self._units):
            self._messages.popleft()
        return ended

    def patience(self, limits: Limits) -> float:
        """Seconds: a busy machine may take longer to start a decoder than a file may stand still."""
        return limits.stall_seconds if self.begun else max(limits.stall_seconds, _START_SECONDS)

    def culprit(self) -> Unit | None:
        """What it has in hand."""
        return self._units.get(self.ring.begun - 1)

    def end(self) -> None:
        """At once."""
        self.process.poll()  # what it died of, before it is killed
        self.process.kill()
        self.process.wait()
        self.tasks.close()
        self.answers.close()

    def _take(self, event: Event) -> tuple[Unit, FileOpened | PartDone] | None:
        match event:
            case RingFull():
                self.is_full = True
            case PictureReady(ticket, slot, where):
                unit = self._units[ticket]
                # A decoder that sends more is not ours any longer.
                if slot in self._free or len(unit.pictures) >= MOST_PICTURES:
                    raise ValueError(slot)
                unit.pictures.append(Picture(self.ring.take(slot), where))
                self._free.append(slot)
                self.taken += 1
            case FileOpened(ticket) | PartDone(ticket):
                unit = self._units[ticket]
                if isinstance(event, FileOpened) != (unit.index is None):
                    raise ValueError(ticket)
                if isinstance(event, FileOpened) and not _is_whole(event, bool(unit.pictures)):
                    raise ValueError(event.result.status)
                del self._units[ticket]
                return unit, event
        return None

    def _send(self, tasks: Sequence[Task]) -> None:
        self.tasks.send_bytes(write_tasks(self._free, tasks))
        self._free.clear()


def _is_whole(opened: FileOpened, has_pictures: bool) -> bool:
    """Whether there is something to score where the result says so, and only there; a container is never scored."""
    if opened.members is not None:
        return opened.result.status is not Status.OK and not (opened.parts or has_pictures)
    return (opened.result.status is Status.OK) == bool(opened.parts or has_pictures)


def _start(reading: Reading, stderr: int) -> tuple[subprocess.Popen[bytes], Connection, Connection, Ring]:
    # Pipes and not a socket: a scan opens none, and whoever watches it may rely on that.
    tasks_out, tasks = os.pipe()
    answers, answers_in = os.pipe()
    ring_file = new_file(reading.spec.picture_bytes)
    trust_list = _trust_file(reading)
    passed = (tasks_out, answers_in, ring_file)
    try:
        ring = Ring(ring_file, reading.spec.picture_bytes)
        line = launch.command(tasks=tasks_out, answers=answers_in, ring=ring_file, reading=reading)
        process = subprocess.Popen(
            line,
            pass_fds=passed,
            stdin=trust_list,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**launch.ENVIRONMENT, **os.environ},
        )
    except OSError as error:
        os.close(tasks)
        os.close(answers)
        raise DecoderError(f"a decoder cannot be started: {error.strerror}") from None
    finally:
        for descriptor in (*passed, trust_list):
            os.close(descriptor)
    return process, Connection(tasks, readable=False), Connection(answers, writable=False), ring


def _trust_file(reading: Reading) -> int:
    """What a decoder reads from its standard input: too much for a command line, and the same if the file changes."""
    known = None if reading.verification is None else reading.verification.trust_list
    if known is None:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        file.write(known.pem.encode())
        file.seek(0)
        return os.dup(file.fileno())

"""What the run and a decoder say to each other: JSON, since a decoder that hostile bytes have taken over must not be
able to make the run do anything, as a pickle could.

The run sends slots of the ring that are free again, and tasks; a decoder sends events, in the order in which they
happen. A task ends with :class:`FileOpened` or :class:`PartDone`; the pictures before it are its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from scanner.media.inside.budget import MAX_MEMBERS
from scanner.media.opener import Member, Members, Part
from scanner.results import ErrorCode, FileResult, Stamp, Status
from scanner.results.inside import Inside
from scanner.results.parts import WHOLE_FILE, Gap, Looked, Where
from scanner.results.record import (
    fact_values,
    looked_values,
    read_facts,
    read_gap,
    read_looked,
    read_unscored,
    read_where,
    unscored_values,
    where_values,
)
from scanner.sandbox.ring import SLOTS
from scanner.sources import Candidate, MediaKind


class Task(NamedTuple):
    """One part of a file, or (``part`` is ``None``) its opening."""

    ticket: int
    candidate: Candidate
    part: Part = None
    spare: bool = False
    """As in :class:`scanner.media.opener.Reading`."""


class PictureReady(NamedTuple):
    """A picture stands in a slot of the ring."""

    ticket: int
    slot: int
    where: Where


class FileOpened(NamedTuple):
    """A file's facts; ``parts`` as in :class:`scanner.media.opener.Opened`."""

    ticket: int
    result: FileResult
    parts: tuple[Part, ...] | None
    members: Members | None = None


class PartDone(NamedTuple):
    """A part was read to its end, or ``gap`` says why not."""

    ticket: int
    gap: Gap | None
    looked: Looked | None = None


class RingFull(NamedTuple):
    """The decoder waits for a free slot."""


Event = PictureReady | FileOpened | PartDone | RingFull


def write_tasks(free_slots: Sequence[int], tasks: Sequence[Task]) -> bytes:
    """A message to a decoder."""
    words = []
    for ticket, one, part, spare in tasks:
        words.append([ticket, one.path, one.name, one.kind.name, one.explicit, part, spare, one.inside])
    return json.dumps([free_slots, words]).encode()


def read_tasks(message: bytes) -> tuple[list[int], list[Task]]:
    """Free slots and tasks."""
    free_slots, words = json.loads(message)
    tasks = [
        Task(
            ticket, Candidate(path, name, MediaKind[kind], explicit, inside=_read_inside(inside)), part, spare
        )
        for ticket, path, name, kind, explicit, part, spare, inside in words
    ]
    return free_slots, tasks


def write_events(events: Sequence[Event]) -> bytes:
    """A message to the run."""
    return json.dumps([_event_values(event) for event in events]).encode()


def read_events(message: bytes, names: dict[int, str]) -> list[Event]:
    """``names``: by ticket, as the report prints them; a decoder's word for a name is not taken.

    Raises ``ValueError``, ``TypeError``, ``KeyError`` or ``IndexError`` for what no decoder of ours says.
    """
    return [_read_event(values, names) for values in json.loads(message)]


def _event_values(event: Event) -> list[Any]:
    match event:
        case PictureReady(ticket, slot, where):
            return ["picture", ticket, slot, None if where == WHOLE_FILE else where_values(where)]
        case FileOpened(ticket, result, parts, members):
            error = None if result.error is None else result.error.value
            # No findings among them: a decoder makes no scores.
            facts = [*fact_values(result), result.stamp]
            unscored = unscored_values(result.unscored_faces)
            return ["opened", ticket, result.status.value, error, facts, unscored, parts, members]
        case PartDone(ticket, gap, looked):
            return ["done", ticket, gap, looked_values(looked)]
        case RingFull():
            return ["full"]


def _read_event(values: list[Any], names: dict[int, str]) -> Event:
    kind, *rest = values
    if kind == "picture":
        ticket, slot, where = rest
        if slot not in range(SLOTS) or ticket not in names:
            raise ValueError(slot)
        return PictureReady(ticket, slot, WHOLE_FILE if where is None else read_where(*where))
    if kind == "opened":
        ticket, status, error, (*facts, stamp), unscored, parts, members = rest
        result = FileResult(
            names[ticket],
            Status(status),
            None if error is None else ErrorCode(error),
            **read_facts(facts),
            stamp=None if stamp is None else Stamp(*map(int, stamp)),
            unscored_faces=read_unscored(unscored),
        )
        return FileOpened(ticket, result, None if parts is None else tuple(parts), _read_members(members))
    if kind == "done":
        ticket, gap, looked = rest
        if ticket not in names:
            raise KeyError(ticket)
        return PartDone(ticket, read_gap(gap), read_looked(looked))
    if kind == "full":
        return RingFull()
    raise ValueError(kind)


def _read_inside(values: list[Any] | None) -> Inside | None:
    if values is None:
        return None
    number, name, container, status = values
    return Inside(number, name, container, None if status is None else Stamp(*status))


def _read_members(values: list[Any] | None) -> Members | None:
    if values is None:
        return None
    status, rows = values
    if len(rows) > MAX_MEMBERS:
        raise ValueError(len(rows))
    return Members(Stamp(*map(int, status)), tuple(_read_member(*row) for row in rows))


def _read_member(names: list[str], number: int | None, gap: list[str] | None, *facts: Any) -> Member:
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(names)
    size, kind, members, digest = facts
    return Member(
        tuple(names),
        None if number is None else int(number),
        read_gap(gap),
        None if size is None else int(size),
        None if kind is None else str(kind),
        None if members is None else int(members),
        None if digest is None else str(digest),
    )

"""What the run and a decoder say to each other: JSON, since a decoder that hostile bytes have taken over must not be
able to make the run do anything, as a pickle could."""

from __future__ import annotations

import json
from collections.abc import Sequence

from scanner.media.still import Decoded
from scanner.results import ErrorCode, FileResult, Stamp, Status
from scanner.results.record import FACTS
from scanner.sources import Candidate, MediaKind

# No findings among them: a decoder makes no scores.
_FACTS = (*FACTS, "stamp")


def task(slot: int, candidates: Sequence[Candidate]) -> bytes:
    """A chunk to decode into ``slot``."""
    return json.dumps(
        [slot, [[one.path, one.name, one.kind.name, one.explicit] for one in candidates]]
    ).encode()


def read_task(message: bytes) -> tuple[int, list[Candidate]]:
    slot, candidates = json.loads(message)
    return slot, [
        Candidate(path, name, MediaKind[kind], explicit) for path, name, kind, explicit in candidates
    ]


def answer(slot: int, chunk: Sequence[Decoded]) -> bytes:
    """What became of a chunk; pixels are in the slot, at each file's place."""
    files = [
        [
            one.result.status.value,
            one.result.error.value if one.result.error is not None else None,
            one.pixels is not None,
            *(getattr(one.result, fact) for fact in _FACTS),
        ]
        for one in chunk
    ]
    return json.dumps([slot, files]).encode()


def read_answer(message: bytes, names: Sequence[str]) -> tuple[int, list[tuple[FileResult, bool]]]:
    """The slot, and each file's result and whether it has pixels; ``names`` as the report prints them.

    Raises ``ValueError``, ``TypeError`` or ``KeyError`` for what is no answer to a chunk of these files.
    """
    slot, files = json.loads(message)
    found = []
    for name, (status, error, has_pixels, *facts) in zip(names, files, strict=True):
        code = ErrorCode(error) if error is not None else None
        known = dict(zip(_FACTS, facts, strict=True))
        if known["stamp"] is not None:
            known["stamp"] = Stamp(*map(int, known["stamp"]))
        found.append((FileResult(name, Status(status), code, **known), bool(has_pixels)))
    return int(slot), found

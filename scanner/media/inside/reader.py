"""A member as a file in an opener's hands. A decoder goes through a container once, for all that it is given."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from models.container_types import container_type
from models.filetypes import HEAD_BYTES, classify
from scanner.media.file import MediaError, MediaFile, opened
from scanner.media.inside.budget import Budget
from scanner.media.inside.walker import Found, Walker, unpacking_failed
from scanner.media.opener import Reading
from scanner.results import ErrorCode, Stamp
from scanner.results.sampling import Sampling
from scanner.sources import Candidate


@dataclass
class _Cursor:
    """A container that was opened, and the member that it stands at."""

    path: str
    sampling: Sampling
    status: Stamp
    found: Iterator[Found]
    file: MediaFile
    _open: object
    """Keeps the file open."""
    at: int = field(default=-1, init=False)


_last: list[_Cursor] = []
"""At most one, of this process: the next member that is asked for is nearly always behind the last."""


@contextmanager
def opened_member(candidate: Candidate, reading: Reading) -> Iterator[MediaFile]:
    """Like :func:`scanner.media.file.opened`, for a candidate inside a container."""
    inside = candidate.inside
    assert inside is not None
    cursor = _cursor(candidate, reading)
    if inside.status is not None and inside.status != cursor.status:
        raise _changed()
    data = _content(cursor, inside.number, reading)
    head = data[:HEAD_BYTES]
    stream = io.BytesIO(data)
    stream.seek(len(head))
    outer = cursor.file
    outer.check_unchanged()
    yield MediaFile(
        candidate,
        stream,
        classify(inside.name, head),
        head,
        len(data),
        outer.stamp,
        outer.raw_status,
        outer.stream,
    )


def _cursor(candidate: Candidate, reading: Reading) -> _Cursor:
    assert candidate.inside is not None
    now = Stamp.at(candidate.path)
    if _last:
        last = _last[0]
        is_same = (last.path, last.sampling, last.status) == (candidate.path, reading.sampling, now)
        if is_same and last.at < candidate.inside.number:
            return last
        forget()
    opening = opened(Candidate(candidate.path, "", candidate.kind, candidate.explicit))
    file = opening.__enter__()
    kind = container_type(candidate.path, file.head)
    if kind is None:
        opening.__exit__(None, None, None)
        raise _changed()
    file.stream.seek(0)
    walker = Walker(reading.sampling, reading.limits.max_bytes, Budget(file.size))
    found = walker.walk(kind, candidate.path, file.stream)
    _last.append(_Cursor(candidate.path, reading.sampling, file.status, found, file, opening))
    return _last[0]


def _content(cursor: _Cursor, number: int, reading: Reading) -> bytes:
    try:
        for found in cursor.found:
            if found.member.number is not None:
                cursor.at = found.member.number
            if found.member.number == number and found.content is not None:
                data = found.content(reading.limits.max_bytes)
                break
        else:
            raise _changed()
    except Exception as error:
        if not isinstance(error, MediaError):
            error = unpacking_failed(error)
        raise error from None
    if len(data) > reading.limits.max_bytes:
        detail = f"more than {reading.limits.max_bytes} bytes"
        raise MediaError(ErrorCode.TOO_MANY_BYTES, detail)
    return data


def forget() -> None:
    """Close what is open."""
    while _last:
        cursor = _last.pop()
        with suppress(Exception):
            cursor.found.close()  # type: ignore[attr-defined]
        with suppress(Exception):
            cursor._open.__exit__(None, None, None)  # type: ignore[attr-defined]


def _changed() -> MediaError:
    return MediaError(ErrorCode.READ_FAILED, "the container was written to while it was scanned")

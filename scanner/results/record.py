"""A result as a line of JSON, and back without loss: floats come back to the last bit."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import astuple
from operator import attrgetter
from typing import Any, NamedTuple

from scanner.results import (
    Coverage,
    Declared,
    ErrorCode,
    FileResult,
    Finding,
    Region,
    Stamp,
    Status,
    Track,
    Unjudged,
    UnscoredFace,
)
from scanner.results.credentials import Credentials
from scanner.results.parts import Gap, Looked, PartResult, Where

RECORD_VERSION = 11
"""Raised with each change of what a record holds, or of what its texts say."""

PART = "part"
"""In the place of a status: a line about one part of a file."""

FACTS = (
    "detail",
    "format",
    "width",
    "height",
    "bytes",
    "sha256",
    "frames",
    "faces",
    "provenance",
    "seconds",
    "declared",
    "container",
    "member",
    "members",
    "pixels",
    "credentials",
)
"""The fields of a result that are plain values, in the order in which they are written."""

_plain_values = attrgetter(*FACTS[:-1])


def fact_values(result: FileResult) -> list[Any]:
    """As JSON holds them, in the order of :data:`FACTS`."""
    credentials = result.credentials
    return [*_plain_values(result), None if credentials is None else credentials.values()]


def read_facts(values: Sequence[Any]) -> dict[str, Any]:
    """By their names, of values in the order of :data:`FACTS`. Raises ``ValueError`` for others."""
    facts = dict(zip(FACTS, values, strict=True))
    if facts["declared"] is not None:
        facts["declared"] = Declared(facts["declared"])
    if facts["credentials"] is not None:
        facts["credentials"] = Credentials.read(facts["credentials"])
    return facts


def record_line(result: FileResult) -> bytes:
    """With its line end. The name comes first."""
    stamp = result.stamp
    record = [
        result.path,
        result.status.value,
        None if result.error is None else result.error.value,
        *fact_values(result),
        stamp,
        [_finding_values(finding) for finding in result.findings],
        _coverage_values(result.coverage),
        unscored_values(result.unscored_faces),
        [astuple(track) for track in result.tracks],
    ]
    return _line(record)


def part_line(result: FileResult, index: int, part: PartResult) -> bytes:
    """A finished part of a file that is not finished. The name comes first, as in :func:`record_line`."""
    findings = [_finding_values(finding) for finding in part.findings]
    place = [result.member, index]  # two members may have one name
    return _line([result.path, PART, place, result.stamp, part.gap, findings, looked_values(part.looked)])


class KnownPart(NamedTuple):
    """A line of :func:`part_line`."""

    name: str
    member: int | None
    """As in :class:`FileResult`."""
    part: int
    stamp: Stamp | None
    """The file's."""
    found: PartResult


def read_part(line: bytes) -> KnownPart:
    """Raises ``ValueError`` for another line."""
    try:
        name, kind, (member, index), stamp, gap, findings, looked = _values(line)
        if kind != PART:
            raise ValueError(kind)
        found = tuple(_read_finding(*values) for values in findings)
        known = PartResult(found, read_gap(gap), read_looked(looked))
        number = None if member is None else int(member)
        return KnownPart(str(name), number, int(index), None if stamp is None else Stamp(*stamp), known)
    except (TypeError, IndexError) as problem:
        raise ValueError(str(problem)) from None


def read_record(line: bytes) -> FileResult:
    """Raises ``ValueError`` for anything but a whole line of :func:`record_line`."""
    if not line.endswith(b"\n"):
        raise ValueError("cut off")
    try:
        path, status, error, *facts, stamp, findings, coverage, unscored, tracks = json.loads(line)
        return FileResult(
            path,
            Status(status),
            None if error is None else ErrorCode(error),
            **read_facts(facts),
            findings=tuple(_read_finding(*values) for values in findings),
            stamp=None if stamp is None else Stamp(*stamp),
            coverage=None if coverage is None else _read_coverage(*coverage),
            unscored_faces=read_unscored(unscored),
            tracks=tuple(_read_track(*values) for values in tracks),
        )
    except TypeError as problem:
        raise ValueError(str(problem)) from None


def record_key(line: bytes) -> tuple[str, bool]:
    """The name, and whether it is a line about a part. Raises ``ValueError`` like :func:`read_record`."""
    name, kind, *_ = _values(line)
    return str(name), kind == PART


def _line(record: list[Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _values(line: bytes) -> list[Any]:
    record = json.loads(line)
    if not (line.endswith(b"\n") and isinstance(record, list) and len(record) > 1):
        raise ValueError("no record")
    if not isinstance(record[0], str):
        raise ValueError("no name")
    return record


def _coverage_values(coverage: Coverage | None) -> list[Any] | None:
    return None if coverage is None else list(astuple(coverage))


def _read_coverage(parts: int, pictures: int, failed: list[tuple[int, str]], *frames: int | None) -> Coverage:
    return Coverage(parts, pictures, tuple((int(index), ErrorCode(code)) for index, code in failed), *frames)


def _read_track(number: int, frames: int, logit: float, prob_fake: float, counts: bool) -> Track:
    return Track(int(number), int(frames), _finite(logit), _finite(prob_fake), bool(counts))


def unscored_values(faces: Sequence[UnscoredFace]) -> list[Any]:
    """As JSON holds the faces that have no score."""
    return [[list(one.region.edges), one.side, one.face, one.reason, one.frame, one.time] for one in faces]


def read_unscored(values: list[Any]) -> tuple[UnscoredFace, ...]:
    """Of the values of :func:`unscored_values`. Raises ``ValueError`` or ``TypeError`` for others."""
    return tuple(
        UnscoredFace(
            _region(region),
            int(_finite(side)),
            _finite(face),
            Unjudged(reason),
            int(_finite(frame)),
            _time(time),
        )
        for region, side, face, reason, frame, time in values
    )


def looked_values(looked: Looked | None) -> list[Any] | None:
    """As JSON holds how much of a part was there."""
    return (
        None if looked is None else [looked.asked, looked.got, unscored_values(looked.unscored), looked.why]
    )


def read_looked(values: list[Any] | None) -> Looked | None:
    """Of the values of :func:`looked_values`. Raises ``ValueError`` or ``TypeError`` for others."""
    if values is None:
        return None
    asked, got, unscored, why = values
    if not 0 <= int(got) <= int(asked):
        raise ValueError(values)
    return Looked(int(asked), int(got), read_unscored(unscored), read_gap(why))


def where_values(place: Where | Finding) -> list[Any]:
    """As JSON holds where a picture was taken from."""
    return [list(place.region.edges), place.frame, place.time, place.face, place.track]


def read_where(
    region: list[float], frame: int, time: float | None, face: float | None, track: int | None
) -> Where:
    """Of the values of :func:`where_values`. Raises ``ValueError`` or ``TypeError`` for others."""
    return Where(
        _region(region),
        int(_finite(frame)),
        _time(time),
        None if face is None else _finite(face),
        None if track is None else int(_finite(track)),
    )


def _time(value: float | None) -> float | None:
    return None if value is None else _finite(value)


def _region(edges: Sequence[float]) -> Region:
    left, top, right, bottom = map(_finite, edges)
    return Region(left, top, right, bottom)


def _finite(value: float) -> float:
    # Python reads NaN and Infinity from JSON, and no report may hold one.
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def read_gap(values: list[str] | None) -> Gap | None:
    """Of what JSON makes of a gap. Raises ``ValueError``, ``TypeError`` or ``IndexError`` for other values."""
    return None if values is None else Gap(ErrorCode(values[0]), str(values[1]))


def _finding_values(finding: Finding) -> list[Any]:
    return [finding.logit, finding.prob_fake, *where_values(finding)]


def _read_finding(logit: float, prob_fake: float, *where: Any) -> Finding:
    return Finding(logit, prob_fake, *read_where(*where))

"""Members of a container as items of a run: each a candidate of its own, or a row that is final."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.media.opener import Member, Members
from scanner.results import FileResult
from scanner.results.inside import Inside
from scanner.results.names import encode_member
from scanner.sandbox.work import Recall
from scanner.sources import Candidate, MediaKind


def items_of(
    container: Candidate, result: FileResult, members: Members, recall: Recall = lambda member: member
) -> Iterator[Candidate | FileResult]:
    """In their order; ``recall`` may know some. Raises ``ValueError`` for names that no container has."""
    digest = result.sha256 or ""
    for one in members.rows:
        name = encode_member(container.name, one.names)
        if one.number is None:
            yield _row(name, one, digest, result)
        else:
            inside = Inside(one.number, one.names[-1], digest, members.status)
            yield recall(Candidate(container.path, name, MediaKind.IMAGE, explicit=True, inside=inside))


def _row(name: str, one: Member, digest: str, result: FileResult) -> FileResult:
    if one.gap is None:
        raise ValueError(name)
    code, detail = one.gap
    return FileResult(
        name,
        code.status,
        code,
        detail,
        format=one.format,
        bytes=one.bytes,
        sha256=one.sha256,
        frames=one.members,
        container=digest,
        members=one.members,
        stamp=result.stamp,
    )

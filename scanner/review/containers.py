"""Members of containers by their names: a report has no numbers, and names still find what was moved."""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.media.results import failed_candidate
from scanner.results import ErrorCode, FileResult, Stamp
from scanner.results.names import INSIDE
from scanner.sandbox.pool import DecodePool
from scanner.sources import Candidate

GONE = "missing: its container no longer holds it"


@dataclass(frozen=True)
class Container:
    """What lies in a container now, as a scan lists it."""

    own: FileResult
    """Its own row."""
    members: dict[str, list[Candidate]] = field(default_factory=dict)
    """By name, which several may share."""
    rows: dict[str, FileResult] = field(default_factory=dict)
    """Of what is not to be opened, by name: containers, members that need a password."""

    @classmethod
    def look_into(cls, candidate: Candidate, pool: DecodePool) -> Container:
        """Raises :class:`scanner.sandbox.decoder.DecoderError`."""
        members: dict[str, list[Candidate]] = {}

        def keep(member: Candidate) -> FileResult:
            members.setdefault(member.name, []).append(member)
            return closed(member)

        rows = [extracted.result for extracted in pool.decode([candidate], keep)]
        return cls(rows[-1], members, {row.path: row for row in rows if row.path not in members})

    def is_still(self, path: str) -> bool:
        """Whether the file at ``path`` is certain to be as it was."""
        return self.own.stamp is not None and self.own.stamp == Stamp.at(path)

    def why_not(self, name: str) -> tuple[ErrorCode, str] | None:
        """Code and words of what keeps a member from being there: its own row, or that of the innermost container
        around it that was not read; ``None`` where it simply is not there."""
        parts = name.split(INSIDE)
        for end in range(len(parts), 0, -1):
            row = self.rows.get(INSIDE.join(parts[:end]))
            if row is not None and row.error not in (None, ErrorCode.CONTAINER):
                return row.error, row.detail
        return None


def closed(member: Candidate) -> FileResult:
    """In the place of a member that is not to be opened."""
    return failed_candidate(member, ErrorCode.CONTAINER, "not opened")

"""What holds now: the lines of decisions, with what was taken back taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scanner.review.decisions import DECIDING, Choice, Decision, Line, SampleLine


@dataclass(frozen=True)
class Current:
    """Of one content and one reviewer."""

    last: Decision
    """The line that decided, or, where nothing is decided, the last note."""
    decision: Choice | None
    note: str | None


class Ledger:
    """Lines of one file, by reviewer and content. Lines of other reports hold too: the content is the same."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._standing: dict[tuple[str, str], list[tuple[int, Decision]]] = {}
        self._ever: set[tuple[str, str]] = set()
        self.samples: list[SampleLine] = []
        for line in lines:
            self.add(line)

    def add(self, placed: Line) -> None:
        number, line = placed
        if isinstance(line, SampleLine):
            self.samples.append(line)
            return
        if line.decision in DECIDING:
            self._ever.add((line.reviewer, line.sha256))
        standing = self._standing.setdefault((line.reviewer, line.sha256), [])
        if line.decision is Choice.UNDO:
            standing[:] = [one for one in standing if one[0] != line.undoes]
        else:
            standing.append((number, line))

    def current(self, reviewer: str, sha256: str) -> Current | None:
        """``None`` where nothing was said, or all of it was taken back."""
        standing = [line for _, line in self._standing.get((reviewer, sha256), ())]
        if not standing:
            return None
        deciding = [line for line in standing if line.decision in DECIDING]
        notes = [line.note for line in standing if line.note is not None]
        note = notes[-1] if notes and notes[-1] else None
        if not deciding:
            return Current(standing[-1], None, note)
        return Current(deciding[-1], deciding[-1].decision, note)

    def is_decided(self, reviewer: str, sha256: str) -> bool:
        return any(line.decision in DECIDING for _, line in self._standing.get((reviewer, sha256), ()))

    def was_decided(self, reviewer: str, sha256: str) -> bool:
        """Also if it was taken back since: a blind reviewer has then seen the score."""
        return (reviewer, sha256) in self._ever

    def decided_by(self, reviewer: str) -> list[str]:
        """Contents."""
        return [
            sha256 for name, sha256 in self._standing if name == reviewer and self.is_decided(name, sha256)
        ]

    def last(self, reviewer: str) -> tuple[int, Decision] | None:
        """What a reviewer would take back next."""
        own = (
            standing[-1] for (name, _), standing in self._standing.items() if name == reviewer and standing
        )
        return max(own, key=lambda one: one[0], default=None)

    def decided(self) -> dict[str, dict[str, Current]]:
        """By content, then by reviewer, in the order in which contents were first seen; undecided ones are left out."""
        found: dict[str, dict[str, Current]] = {}
        for reviewer, sha256 in self._standing:
            current = self.current(reviewer, sha256)
            if current is not None and current.decision is not None:
                found.setdefault(sha256, {})[reviewer] = current
        return found

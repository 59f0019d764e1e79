"""What a scan counted as it went along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.judgement.policy import Verdict
from scanner.reports.code_scanning import MOST_COMPRESSED, MOST_RESULTS
from scanner.results import ErrorCode, Status
from scanner.sources import LEFT_OUT, SkipType


class Notice(NamedTuple):
    """That something is left out."""

    level: str
    """A SARIF level: what a user chose is a note."""
    id: str
    text: str


@dataclass
class LeftOut:
    """What a SARIF report does not hold, by its reason."""

    known: int = 0
    """Findings of the baseline."""
    results: int = 0
    """Findings above the limits of code scanning."""
    notifications: int = 0
    """Files without a score, above these limits."""

    def notices(self) -> Iterator[Notice]:
        """One for each reason there was."""
        if self.known:
            text = f"findings left out, which the baseline knows (--sarif-known keeps them): {self.known:,}"
            yield Notice("note", "known_left_out", text)
        most = f"{MOST_COMPRESSED // 1_000_000} MB in gzip"
        if self.results:
            text = (
                "results left out, the least suspicious, since code scanning takes no more than "
                f"{MOST_RESULTS:,} in a run and {most}: {self.results:,}"
            )
            yield Notice("warning", "results_left_out", text)
        if self.notifications:
            text = (
                "files without a score left out of the notifications, since code scanning takes no more than "
                f"{most}: {self.notifications:,}"
            )
            yield Notice("warning", "notifications_left_out", text)


@dataclass
class Tally:
    """Of one run."""

    statuses: Counter[Status] = field(default_factory=Counter)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    known: Counter[Verdict] = field(default_factory=Counter)
    """Of them, those that the baseline knows."""
    errors: Counter[ErrorCode] = field(default_factory=Counter)
    not_fetched: Counter[str] = field(default_factory=Counter)
    """Of them, those that only stand for another file, by the words of their rows."""
    other_files: Counter[str] = field(default_factory=Counter)
    """Files without a row, by type."""
    scanignore: set[tuple[str, str]] = field(default_factory=set)
    """The ``.scanignore`` files that were followed: path and SHA-256."""
    left_out_of_sarif: LeftOut = field(default_factory=LeftOut)
    """Told by the report itself, at its end."""
    cached: int = 0
    """Results taken from the cache."""
    recalled: int = 0
    """Results taken over from earlier runs that were cut off."""

    @property
    def files(self) -> int:
        return self.statuses.total()

    @property
    def left_out(self) -> dict[str, int]:
        """Of what has no row, that which may be a picture all the same, by type."""
        return {kind: self.other_files[kind] for kind in sorted(LEFT_OUT) if self.other_files[kind]}

    @property
    def ignored(self) -> str:
        """What ``.scanignore`` files left out, in words; empty if nothing."""
        files, folders = (self.other_files[kind] for kind in (SkipType.IGNORED_FILE, SkipType.IGNORED_FOLDER))
        if not files + folders:
            return ""
        return f"{files:,} files, {folders:,} folders (with all that they hold)"

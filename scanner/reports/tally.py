"""What a scan counted as it went along."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scanner.policy import Verdict
from scanner.results import Status


@dataclass
class Tally:
    """Of one run."""

    statuses: Counter[Status] = field(default_factory=Counter)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    known: Counter[Verdict] = field(default_factory=Counter)
    """Of them, those that the baseline knows."""
    errors: Counter[str] = field(default_factory=Counter)
    other_files: Counter[str] = field(default_factory=Counter)
    """Files without a row, by type."""
    cached: int = 0
    """Results taken from the cache."""
    recalled: int = 0
    """Results taken over from earlier runs that were cut off."""

    @property
    def files(self) -> int:
        return self.statuses.total()

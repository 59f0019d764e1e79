"""What a scan counted as it went along."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scanner.judgement.policy import Verdict
from scanner.results import Declared, ErrorCode, Status, Unjudged
from scanner.results.credentials import CredentialState
from scanner.sources import LEFT_OUT, SkipType


@dataclass
class LeftOut:
    """What a SARIF report does not hold, by its reason."""

    known: int = 0
    """Findings of the baseline."""
    results: int = 0
    """Findings above the limits of code scanning."""
    notifications: int = 0
    """Files without a score, above these limits."""


@dataclass
class Tally:
    """Of one run."""

    statuses: Counter[Status] = field(default_factory=Counter)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    known: Counter[Verdict] = field(default_factory=Counter)
    """Of them, those that the baseline knows."""
    declared: Counter[Declared] = field(default_factory=Counter)
    """What files say of themselves."""
    known_declared: Counter[Declared] = field(default_factory=Counter)
    """Of them, those that the baseline knows."""
    credentials: Counter[CredentialState] = field(default_factory=Counter)
    """What came of checking C2PA manifests."""
    unverified: int = 0
    """Files whose C2PA manifest was seen and not checked."""
    errors: Counter[ErrorCode] = field(default_factory=Counter)
    not_fetched: Counter[str] = field(default_factory=Counter)
    """Of them, those that only stand for another file, by the words of their rows."""
    unscored_faces: Counter[Unjudged] = field(default_factory=Counter)
    """Faces that were found and not scored, by the reason."""
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

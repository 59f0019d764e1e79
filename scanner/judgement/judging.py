"""From a result to what reports and exit code are made of: its verdict, and whether it is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.judgement.baseline import Baseline
from scanner.judgement.policy import Gate, Policy, Verdict
from scanner.results import FileResult


@dataclass(frozen=True)
class Judged:
    """One file, as a report is given it."""

    result: FileResult
    """Its ``path`` is the name that may be printed."""
    verdict: Verdict | None
    """``None`` for a file without a score."""
    is_known: bool = False
    """Whether it is a finding of the baseline."""


@dataclass(frozen=True)
class Judging:
    """What a run judges by."""

    policy: Policy
    gate: Gate = field(default_factory=Gate)
    baseline: Baseline | None = None

    def judge(self, result: FileResult) -> Judged:
        verdict = self.policy.verdict(result)
        matches = self.gate.matches_declared(result.declared)
        is_known = self.baseline is not None and self.baseline.knows(result, verdict, matches)
        return Judged(result, verdict, is_known)

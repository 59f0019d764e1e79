"""The closing words of a scan, for the person at the terminal (stderr)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scanner.inference.detector import Detector
from scanner.names import printable
from scanner.policy import Policy, Verdict, format_probability
from scanner.ranking import MostSuspicious
from scanner.reports.tally import Tally
from scanner.results import Status

_ERROR_KINDS = 4


def summary_lines(
    detector: Detector, policy: Policy, tally: Tally, top: MostSuspicious, *, seconds: float, workers: int
) -> Iterator[str]:
    """The summary, line by line; where the report is, only the command knows."""
    rate = tally.files / seconds if seconds > 0 else 0.0
    yield (
        f"{tally.files:,} files in {seconds:,.1f} s ({rate:,.1f} files/s) on {detector.device} "
        f"({detector.provider}, {workers} workers)"
    )
    statuses, verdicts = tally.statuses, tally.verdicts
    line = f"  {statuses[Status.OK]:,} ok, {statuses[Status.ERROR]:,} errors, {statuses[Status.SKIPPED]:,} skipped"
    if tally.errors:
        line += f" ({_top_counts(tally.errors)})"
    yield line
    if tally.other_files:
        yield f"  {tally.other_files.total():,} other files have no row ({_top_counts(tally.other_files)})"
    if tally.ignored:
        yield f"  left out by .scanignore: {tally.ignored}; --no-scanignore scans them"
    yield (
        f"  {verdicts[Verdict.FAKE]:,} fake, {verdicts[Verdict.INCONCLUSIVE]:,} inconclusive, "
        f"{verdicts[Verdict.REAL]:,} not flagged at threshold {policy.threshold:g} ({policy.threshold_source})"
    )
    if tally.cached:
        yield f"  {tally.cached:,} results from the cache"
    if known := tally.known.total():
        yield f"  {known:,} of these findings are known from the baseline"
    ranked = top.ranked()
    if ranked:
        yield "  most suspicious:"
        for prob_fake, path in ranked:
            yield f"    {format_probability(prob_fake)}  {printable(path)}"


def _top_counts(counts: Counter[str]) -> str:
    common = counts.most_common(_ERROR_KINDS)
    rest = counts.total() - sum(n for _, n in common)
    return ", ".join([f"{n:,} {name}" for name, n in common] + ([f"{rest:,} more"] if rest else []))

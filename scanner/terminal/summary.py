"""The closing words of a scan, for the person at the terminal (stderr)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

from models.support.release import DISTRIBUTION
from models.support.terminal import Colour, paint
from scanner.judgement.policy import Policy, Verdict, format_probability
from scanner.judgement.ranking import MostSuspicious
from scanner.judgement.tally import Tally
from scanner.results import Declared, FileResult, Status
from scanner.results.model import ModelFacts
from scanner.results.names import printable

Word = TypeVar("Word", bound=str)

_ERROR_KINDS = 4
_MOST_SUSPICIOUS = 5
_COLOURS = {Verdict.FAKE: Colour.BAD, Verdict.INCONCLUSIVE: Colour.DOUBTFUL}


def summary_lines(
    model: ModelFacts, policy: Policy, tally: Tally, top: MostSuspicious, *, seconds: float, workers: int
) -> Iterator[str]:
    """The summary, line by line, in colours if standard error takes any; where the report is, only the command
    knows."""
    rate = tally.files / seconds if seconds > 0 else 0.0
    yield (
        f"{tally.files:,} files in {seconds:,.1f} s ({rate:,.1f} files/s) on {model.device} "
        f"({model.provider}, {workers} workers)"
    )
    statuses, verdicts = tally.statuses, tally.verdicts
    failed = statuses[Status.ERROR]
    errors = _count(failed, "error" if failed == 1 else "errors", Colour.BAD)
    line = f"  {statuses[Status.OK]:,} ok, {errors}, {statuses[Status.SKIPPED]:,} skipped"
    if tally.errors:
        line += f" ({_top_counts(tally.errors)})"
    yield line
    if unscored := tally.unscored_faces:
        yield f"  {unscored.total():,} faces have no score ({_top_counts(unscored)})"
    if tally.other_files:
        yield f"  {tally.other_files.total():,} other files have no row ({_top_counts(tally.other_files)})"
    if tally.ignored:
        yield f"  left out by .scanignore: {tally.ignored}; --no-scanignore scans them"
    flagged = ", ".join(_count(verdicts[verdict], verdict.value, _COLOURS[verdict]) for verdict in _COLOURS)
    yield f"  {flagged}, {verdicts[Verdict.REAL]:,} not flagged at threshold {policy.words()}"
    if tally.unverified:
        yield f'  {tally.unverified:,} hold a C2PA manifest that was not checked: pip install "{DISTRIBUTION}[c2pa]"'
    if tally.declared:
        words = ", ".join(f"{tally.declared[word]:,} {word}" for word in Declared if tally.declared[word])
        yield f"  what files say of themselves: {words}"
    if tally.cached:
        yield f"  {tally.cached:,} results from the cache"
    if known := tally.known.total():
        yield f"  {known:,} of these findings are known from the baseline"
    ranked = top.results()[:_MOST_SUSPICIOUS]
    if ranked:
        yield "  most suspicious:"
        for result in ranked:
            yield f"    {_probability(result, policy.verdict(result))}  {printable(result.path)}"


def _count(number: int, word: str, colour: Colour) -> str:
    text = f"{number:,} {word}"
    return paint(text, colour) if number else text


def _probability(result: FileResult, verdict: Verdict | None) -> str:
    text = format_probability(result.prob_fake or 0.0)
    return paint(text, _COLOURS[verdict]) if verdict in _COLOURS else text


def _top_counts(counts: Counter[Word]) -> str:
    common = counts.most_common(_ERROR_KINDS)
    rest = counts.total() - sum(n for _, n in common)
    return ", ".join([f"{n:,} {name}" for name, n in common] + ([f"{rest:,} more"] if rest else []))

"""What a review says in sum: counts, agreement, and what the sample estimates of the whole folder."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.judgement.policy import Verdict
from scanner.review.agreement import agreed, disagreements, pairs
from scanner.review.decisions import DECIDING, Choice
from scanner.review.estimate import Counts, Estimate, Figure, estimate
from scanner.review.exports import Reviewed, verdict_counts, without_path
from scanner.review.sampling import Sample

WORDS = {
    Choice.FAKE: "confirmed fake",
    Choice.FALSE_ALARM: "false alarm, or not fake",
    Choice.UNSURE: "unsure",
}


def lines(reviewed: Reviewed, sample: Sample | None) -> Iterator[str]:
    """For a terminal or a page. Contents, not files: copies count once."""
    counts = verdict_counts(reviewed)
    yield f"decided: {sum(counts.values()):,} (copies of a picture count once)"
    for choice in DECIDING:
        of_verdict = {verdict: counts.get((choice, verdict), 0) for verdict in Verdict}
        said = ", ".join(f"{number:,} {verdict.value}" for verdict, number in of_verdict.items() if number)
        total = sum(of_verdict.values())
        yield f"  {WORDS[choice]}: {total:,}" + (f" (by verdict: {said})" if said else "")
    differing = disagreements(reviewed.opinions)
    for pair in pairs(reviewed.opinions):
        kappa = "" if pair.kappa is None else f", Cohen's kappa {pair.kappa:.2f}"
        yield f"{pair.one} and {pair.other}: {pair.same:,} of {pair.both:,} the same{kappa}"
    if differing:
        yield f"not used, since reviewers differ: {len(differing):,}"
    if inside := without_path(reviewed):
        yield f"not in the labels, since only containers hold them: {inside:,}"
    if sample is None:
        yield "no sample was drawn, so nothing is estimated of the folder: scan-review REPORT --sample N"
    else:
        yield from _sample_lines(reviewed, sample)


def _sample_lines(reviewed: Reviewed, sample: Sample) -> Iterator[str]:
    counts = count(reviewed, sample)
    used = sum(one.decided + one.unsure for one in counts)
    folder = sum(one.size for one in counts)
    yield (
        f"sample (seed {sample.seed}): {used:,} of {sample.size:,} decided, drawn from {folder:,} scored pictures "
        f"in {len(counts)} strata"
    )
    if used < sample.size:
        yield "  what comes after the first undecided one of each stratum is left out; the intervals are wider for it"
    if unsure := sum(one.unsure for one in counts):
        yield f"  {unsure:,} unsure: in no estimate; each interval holds for either answer"
    found = estimate(counts, sample.seed)
    yield "estimated of the folder, 95 % intervals:"
    for name, figure in _named(found).items():
        yield f"  {name}: {figure}"


def _named(found: Estimate) -> dict[str, str]:
    return {
        "precision (share of the flagged that is fake)": _rate(found.precision),
        "missed fakes (not flagged)": _number(found.missed),
        "share of fakes among what is not flagged": _rate(found.false_omission),
        "fakes in all": _number(found.fakes),
        "share of the fakes that is flagged (TPR)": _rate(found.recall),
        "share of the others that is flagged (FPR)": _rate(found.fpr),
    }


def count(reviewed: Reviewed, sample: Sample) -> list[Counts]:
    """Of each stratum, up to the first content without an agreed decision: what came before it is a random sample,
    what was decided out of turn need not be."""
    found = []
    for stratum in sample.strata:
        choices: list[Choice] = []
        for number in stratum.drawn:
            said = reviewed.opinions.get(reviewed.index.digest(number).hex())
            if not said:
                break
            # Reviewers who differ do not know, taken together.
            choices.append(agreed(said) or Choice.UNSURE)
        fake, not_fake = choices.count(Choice.FAKE), choices.count(Choice.FALSE_ALARM)
        found.append(Counts(stratum.flagged, stratum.size, fake, not_fake, choices.count(Choice.UNSURE)))
    return found


def _rate(figure: Figure) -> str:
    value = "not known" if figure.value is None else f"{figure.value:.1%}"
    return f"{value} [{figure.low:.1%}, {figure.high:.1%}]"


def _number(figure: Figure) -> str:
    value = "not known" if figure.value is None else f"{figure.value:,.0f}"
    return f"{value} [{figure.low:,.0f}, {figure.high:,.0f}]"

"""When a film's faces had which value: a strip for the page, a dot for each score."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.judgement.policy import Policy, Verdict, format_probability
from scanner.reports.row import seconds_text
from scanner.results import FileResult, Finding

WIDTH, HEIGHT, EDGE = 280, 60, 6
MOST_DOTS = 400
"""Of a film, those with the highest values."""


def timeline(result: FileResult, policy: Policy) -> Iterator[str]:
    """Lines of HTML; none for what has no times."""
    timed = [finding for finding in result.findings if finding.time is not None]
    if not timed:
        return
    end = max(result.seconds or 0.0, *(finding.time or 0.0 for finding in timed))
    coverage = result.coverage
    said = f"{len(timed)} scores over {seconds_text(end)} s"
    if coverage is not None and coverage.frames_asked is not None:
        said += f", {coverage.frames_got} of {coverage.frames_asked} frames"
    yield (
        f'<svg class="timeline" role="img" aria-label="{said}" viewBox="0 0 {WIDTH} {HEIGHT + 14}" width="{WIDTH}">'
    )
    yield f'<path d="M{EDGE} {EDGE}V{HEIGHT - EDGE}H{WIDTH - EDGE}"/>'
    at = _down(policy.threshold_of(result.values))
    yield f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{at:.1f}" y2="{at:.1f}"><title>threshold</title></line>'
    most = sorted(timed, key=lambda one: one.prob_fake, reverse=True)[:MOST_DOTS]
    for finding in sorted(most, key=lambda one: one.time or 0.0):
        yield _dot(result, finding, end, policy)
    yield f'<text x="{EDGE}" y="{HEIGHT + 9}">0 s</text>'
    yield f'<text x="{WIDTH - EDGE}" y="{HEIGHT + 9}" text-anchor="end">{seconds_text(end)} s</text></svg>'


def _dot(result: FileResult, finding: Finding, end: float, policy: Policy) -> str:
    across = EDGE + (WIDTH - 2 * EDGE) * ((finding.time or 0.0) / end if end else 0.0)
    kind = _kind(finding.prob_fake, policy.threshold_of(result.values), policy.low)
    decides = " decides" if finding is result.deciding else ""
    track = f", track {finding.track}" if finding.track else ""
    said = f"{seconds_text(finding.time)} s{track}: {format_probability(finding.prob_fake)}"
    return (
        f'<circle class="{kind}{decides}" cx="{across:.1f}" cy="{_down(finding.prob_fake):.1f}" '
        f'r="{4 if decides else 3}"><title>{said}</title></circle>'
    )


def _kind(value: float, threshold: float, low: float) -> str:
    """What the film would be called if this were its value, by the line that is drawn."""
    if value >= threshold:
        return Verdict.FAKE.value
    return Verdict.INCONCLUSIVE.value if value >= low else ""


def _down(value: float) -> float:
    return EDGE + (HEIGHT - 2 * EDGE) * (1 - value)

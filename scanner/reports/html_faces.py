"""The figures of the most suspicious files: the square that was judged, and the faces in their picture."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace

from scanner.judgement.policy import Policy, Verdict, format_probability
from scanner.reports import html_heat_maps
from scanner.reports.html_timeline import timeline
from scanner.reports.row import deciding_face
from scanner.results import FileResult, Finding
from scanner.results.credentials import WORDS
from scanner.results.preview import Preview

VERDICT_WORDS = {Verdict.FAKE: "fake", Verdict.INCONCLUSIVE: "inconclusive", Verdict.REAL: "not flagged"}
LEGEND = (
    '<p class="legend">'
    + "".join(f'<span class="box {verdict.value}"></span>{word} ' for verdict, word in VERDICT_WORDS.items())
    + "– each face's square at its own value; the thick one decides for the file, and stands beside the picture.</p>"
)
MOST_BOXES = 100
"""In one picture."""
MOST_NUMBERS = 20
"""Faces of a picture whose boxes have their number beside them; in a crowd only the one that decides has."""


def figure(result: FileResult, preview: Preview | None, policy: Policy) -> Iterator[str]:
    """Lines of HTML; without a preview the file's value alone."""
    face, picture = deciding_face(result) or "", None if preview is None else preview.picture
    yield "<figure>"
    if picture is not None:
        yield f'<div class="picture"><img alt="" src="{picture}">'
        yield from _boxes(result, policy)
        yield from _heat_maps(result)
        yield "</div>"
    if preview is not None:
        judged = f'<img class="judged" alt="{face}" src="{preview.judged}">'
        heat = "" if result.deciding is None else html_heat_maps.cover(result.deciding)
        yield f'<span class="over">{judged}{heat}</span>' if heat else judged
    verdict = policy.verdict(result)
    kind = "" if verdict is None else verdict.value
    words = face
    if picture is not None and len(_beside_deciding(result)) > MOST_BOXES:
        words += f", boxes around the {MOST_BOXES} with the highest values"
    words += html_heat_maps.missing(result.deciding)
    value = format_probability(result.prob_fake or 0.0)
    # A long name is broken between folders and containers, not inside a word.
    name = html.escape(result.path).replace("/", "/<wbr>")
    said = f'<span class="{kind}">{value}</span> {words}{"<br>" if words else ""}{name}'
    if (found := result.credentials) is not None:
        said += f'<br><span class="says">C2PA manifest: {WORDS[found.state]}</span>'
    if result.declared is not None:
        said += f'<br><span class="says">the file says of itself: {result.declared.value}</span>'
    yield f"<figcaption>{said}</figcaption>"
    yield from timeline(result, policy)
    yield "</figure>"


def _beside_deciding(result: FileResult) -> list[tuple[int, Finding]]:
    """The findings of the frame that is shown, with their numbers."""
    frame = None if result.deciding is None else result.deciding.frame
    return [(number, one) for number, one in enumerate(result.findings, start=1) if one.frame == frame]


def _heat_maps(result: FileResult) -> Iterator[str]:
    """Over the squares of the faces that have one."""
    for _, finding in _beside_deciding(result):
        if cover := html_heat_maps.cover(finding, finding.region):
            yield cover


def _boxes(result: FileResult, policy: Policy) -> Iterator[str]:
    """Around the scored faces, in their order; of a crowd, the most suspicious."""
    most = sorted(_beside_deciding(result), key=lambda one: one[1].prob_fake, reverse=True)[:MOST_BOXES]
    for number, finding in sorted(most, key=lambda one: one[0]):
        yield _box(result, finding, number, policy)


def _box(result: FileResult, finding: Finding, number: int, policy: Policy) -> str:
    region, faces, decides = finding.region, len(result.findings), finding is result.deciding
    # What the file would be called if this were its value.
    verdict = policy.verdict(replace(result, findings=(finding,), tracks=()))
    kind, word = ("", "") if verdict is None else (verdict.value, f", {VERDICT_WORDS[verdict]}")
    said = f"face {number} of {faces}: {format_probability(finding.prob_fake)}{word}"
    place = (
        f"left:{region.left:.2%};top:{region.top:.2%};"
        f"width:{region.right - region.left:.2%};height:{region.bottom - region.top:.2%}"
    )
    is_numbered = faces > 1 and (decides or faces <= MOST_NUMBERS)
    return (
        f'<span class="box {kind}{" decides" if decides else ""}" role="img" aria-label="{said}" title="{said}" '
        f'style="{place}">{f"<b>{number}</b>" if is_numbered else ""}</span>'
    )

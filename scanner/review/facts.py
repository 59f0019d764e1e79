"""What the page is told of a row: plain values, and in a blind review nothing that tells the score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scanner.judgement.policy import format_probability
from scanner.review.fact_words import listed, when, words_of

Record = Mapping[str, Any]

_BLIND = (
    "format",
    "width",
    "height",
    "pixels",
    "bytes",
    "frames",
    "faces",
    "seconds",
    "provenance",
    "declared",
)
"""What may be seen before a blind decision. A list of what may, since any new fact may tell of the score."""
_ELSEWHERE = (
    "schema",
    "path",
    "status",
    "prob_fake",
    "verdict",
    "error",
    "sha256",
    "findings",
    "where",
    "tracks",
)
"""What the page shows in its own places."""
MOST_BOXES = 100
_LONGEST = 2000


def deciding(record: Record) -> int | None:
    """The place in ``findings`` of the one that the file's value is that of; of equals the first. Of a film, of the
    track that decides."""
    findings = record.get("findings") or []
    counted = [track for track in record.get("tracks") or [] if track["counts"]]
    track = max(counted, key=lambda one: one["prob_fake"], default=None)
    among = [n for n, one in enumerate(findings) if track is None or one.get("track") == track["number"]]
    return max(among, key=lambda place: findings[place]["prob_fake"], default=None)


def deciding_face(record: Record) -> int | None:
    """Its number, from 1; ``None`` where no face was looked for."""
    place = deciding(record)
    return None if place is None or "face" not in record["findings"][place] else place + 1


def facts(record: Record, *, blind: bool) -> list[tuple[str, str]]:
    """Names and texts; what this version does not know is shown as it stands."""
    names = _BLIND if blind else [name for name in record if name not in _ELSEWHERE]
    found = [(name, _text(name, record[name])) for name in names if record.get(name) not in (None, [], {})]
    if not blind:
        found += _tracks(record)
    place = deciding(record)
    if place is not None and (shown := _shown(record, record["findings"][place])):
        found.append(("shown", shown))
    if not blind:
        found += _findings(record)
    return found


def boxes(record: Record, *, blind: bool) -> list[dict[str, Any]]:
    """Of the faces in the picture that decides; blind, all look the same."""
    place = deciding(record)
    if place is None or "face" not in record["findings"][place]:
        return []
    findings = record["findings"]
    same = [n for n, one in enumerate(findings) if one.get("frame") == findings[place].get("frame")]
    most = sorted(sorted(same, key=lambda n: -findings[n]["prob_fake"])[:MOST_BOXES]) if not blind else same
    found = []
    for number in most[:MOST_BOXES]:
        left, top, right, bottom = findings[number]["region"]
        box: dict[str, Any] = {"number": number + 1, "region": [left, top, right - left, bottom - top]}
        if not blind:
            box |= {"decides": number == place, "score": format_probability(findings[number]["prob_fake"])}
        found.append(box)
    return found


def _shown(record: Record, finding: Record) -> str:
    """Which of several pictures of a file; pages have no time."""
    if (time := finding.get("time")) is not None:
        return f"the frame at {time:.2f} s"
    if record.get("coverage") is None:
        return ""
    return f"page {finding['frame'] + 1} of {record['frames']}"


def _tracks(record: Record) -> list[tuple[str, str]]:
    """Of a film, the highest first; those that do not count behind them."""
    ranked = sorted(record.get("tracks") or [], key=lambda one: (not one["counts"], -one["prob_fake"]))
    lines = [
        f"{one['number']}: {format_probability(one['prob_fake'])}, {one['frames']} frames"
        + ("" if one["counts"] else ", does not count")
        for one in ranked
    ]
    return [("tracks", listed(lines))] if lines else []


def _findings(record: Record) -> list[tuple[str, str]]:
    findings = record.get("findings") or []
    if len(findings) < 2:
        return []
    ranked = sorted(enumerate(findings, start=1), key=lambda one: -one[1]["prob_fake"])
    lines = [f"{number}: {format_probability(one['prob_fake'])}{when(one)}" for number, one in ranked]
    return [("findings", listed(lines))]


def _text(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else words_of(name, value) or json.dumps(value, ensure_ascii=False)
    # The page is UTF-8: half a surrogate pair, which JSON can hold, cannot be sent.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

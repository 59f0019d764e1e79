"""From the scores of a film's frames to one value for each face that was followed: the mean logit of its track.

Frames of one face share its noise only in part, so a mean over several is steadier than any of them; the model's
thresholds were chosen on single pictures (docs/video.md says what that means).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from scanner.results import Finding, Track

ENOUGH = 2
"""Frames from which a track has more than one frame's word."""


def tracks_of(findings: Iterable[Finding], temperature: float) -> tuple[Track, ...]:
    """In the order of their numbers; findings without a track are none.

    A track with a single frame counts only where no track has more: a face is seen in most frames of its burst, a slip
    of the detector in one.
    """
    logits: dict[int, list[float]] = {}
    for finding in findings:
        if finding.track is not None:
            logits.setdefault(finding.track, []).append(finding.logit)
    enough = min(ENOUGH, max(map(len, logits.values()), default=0))
    return tuple(_track(number, logits[number], temperature, enough) for number in sorted(logits))


def _track(number: int, logits: Sequence[float], temperature: float, enough: int) -> Track:
    mean = math.fsum(logits) / len(logits)
    return Track(number, len(logits), mean, _sigmoid(mean / temperature), len(logits) >= enough)


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return math.exp(value) / (1 + math.exp(value))

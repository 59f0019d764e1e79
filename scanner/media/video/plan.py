"""Which times of a film are looked at: bursts of a few frames, spread evenly, since a face can be followed through a
second and not through minutes. Times are seconds from the film's start."""

from __future__ import annotations

import math

from scanner.results.sampling import Sampling

FRAMES = 4
"""Of a burst."""
STEP = 0.25
"""Seconds from one to the next."""
PART_SECONDS = 10.0
"""Of a film that are one part: shared out, limited and blamed together."""

Burst = tuple[float, ...]


def bursts(seconds: float, most: int) -> list[Burst]:
    """Up to ``most``, each in the middle of an equal share of the film; fewer where it has no second for each.

    At least one time, whatever the film is.
    """
    count = max(1, min(most, math.floor(seconds / (FRAMES * STEP))))
    share = seconds / count
    begins = (max(0.0, (number + 0.5) * share - (FRAMES - 1) * STEP / 2) for number in range(count))
    return [_burst(begin, seconds) for begin in begins]


def _burst(begin: float, end: float) -> Burst:
    times = (begin + number * STEP for number in range(FRAMES))
    return tuple(round(time, 6) for time in times if time <= end) or (0.0,)


def parts(seconds: float, sampling: Sampling) -> list[list[Burst]]:
    """Of a film so long: whole bursts that begin within :data:`PART_SECONDS` of each other."""
    found: list[list[Burst]] = []
    sampled = seconds if sampling.max_seconds is None else min(seconds, sampling.max_seconds)
    for burst in bursts(sampled, sampling.bursts):
        if not found or burst[0] - found[-1][0][0] >= PART_SECONDS:
            found.append([])
        found[-1].append(burst)
    return found


def part_of_frame(seconds: float, sampling: Sampling, frame: int) -> int:
    """Which part holds a frame, by the number that findings give it."""
    behind = 0
    for index, planned in enumerate(parts(seconds, sampling)):
        behind += sum(map(len, planned))
        if frame < behind:
            return index
    raise ValueError(frame)

"""Which faces of successive frames are one: by how much their boxes overlap, and by nothing that tells people apart."""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

LEAST_OVERLAP = 0.3
"""Intersection over union."""


class Tracks:
    """Of one burst. Greedy: the pairs that overlap most are joined first."""

    def __init__(self, first: int = 1) -> None:
        """``first``: the number of the first new track."""
        self.next = first
        self._last: dict[int, Box] = {}

    def join(self, boxes: Sequence[Box]) -> list[int]:
        """The track of each face of the next frame. One that a frame does not show may go on in a later one."""
        pairs = sorted(
            (-overlap, track, place)
            for track, last in self._last.items()
            for place, box in enumerate(boxes)
            if (overlap := iou(last, box)) >= LEAST_OVERLAP
        )
        joined: dict[int, int] = {}
        taken: set[int] = set()
        for _, track, place in pairs:
            if track not in taken and place not in joined:
                joined[place] = track
                taken.add(track)
        for place in range(len(boxes)):
            if place not in joined:
                joined[place] = self.next
                self.next += 1
        self._last |= {joined[place]: box for place, box in enumerate(boxes)}
        return [joined[place] for place in range(len(boxes))]


def iou(one: Box, other: Box) -> float:
    """Intersection over union, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(one) + _area(other) - both)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])

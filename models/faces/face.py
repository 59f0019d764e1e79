"""One face in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Point = tuple[float, float]


class Unjudged(StrEnum):
    """Why a face that was found is not judged."""

    TOO_SMALL = "too_small"
    BEYOND_MAX_FACES = "beyond_max_faces"


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels of the picture given from its upper left corner. A box may reach beyond it."""

    left: float
    top: float
    width: float
    height: float
    score: float
    """How sure the detector is, 0 to 1. Not a probability."""
    points: tuple[Point, Point, Point, Point, Point]
    """Right eye, left eye, tip of the nose, right and left corner of the mouth; right is the person's right."""

    @property
    def side(self) -> float:
        """The longer side of the box."""
        return max(self.width, self.height)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height."""
        return self.left, self.top, self.width, self.height

    def scaled(self, x: float, y: float) -> Face:
        """The same face in a picture that is ``x`` times as wide and ``y`` times as high."""
        first, second, third, fourth, fifth = ((px * x, py * y) for px, py in self.points)
        return Face(
            self.left * x,
            self.top * y,
            self.width * x,
            self.height * y,
            self.score,
            (first, second, third, fourth, fifth),
        )

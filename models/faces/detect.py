"""The law of which faces a picture has: scales, turns and thresholds around the detector.

Any change to what :meth:`FaceDetector.detect` returns is a new version of the preprocessing. docs/faces.md gives the
reasons in figures.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from models.faces.face import Face, Point
from models.faces.yunet import DETECTOR, DetectorFacts, YuNet

SCALES = (320, 1280)
"""Longer side in pixels, the smaller first: the network misses faces that fill much more than 320 pixels."""

LEAST_SCORE = 0.7

SAME_FACE = 0.5
"""Boxes from two scales are of one face where they share this part of the smaller box."""

_TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)


class FaceDetector:
    """Finds faces on one CPU session. A forked process makes its own."""

    facts: DetectorFacts = DETECTOR

    def __init__(self, threads: int = 1, least_score: float = LEAST_SCORE) -> None:
        """Raises :class:`models.support.errors.ModelFileError` where the shipped detector is missing or altered.

        A ``least_score`` of its own is another law, for measurements.
        """
        self._network = YuNet(threads)
        self._least_score = least_score

    def detect(self, rgb: Image.Image) -> list[Face]:
        """The faces of an RGB picture in its own pixels, the largest first.

        Where there is none, the picture at its smallest scale is tried on its sides and upside down, and the turn
        that has the surest face counts.
        """
        reduced = list(reduced_pictures(rgb))
        faces = self._merged(reduced, rgb.size)
        if not faces:
            # The smallest scale alone: three turns at every scale cost three times the upright look, for every picture
            # without a face, and find only small faces in sideways pictures.
            turns = [self._turned(reduced[:1], turn, rgb.size) for turn in _TURNS]
            faces = max(turns, key=lambda found: max((face.score for face in found), default=0.0))
        return sorted(faces, key=lambda face: (-face.side, -face.score, face.left, face.top))

    def upright(self, rgb: Image.Image) -> list[Face]:
        """The faces of a picture as it lies, without turns and in no order."""
        return self._merged(list(reduced_pictures(rgb)), rgb.size)

    def _turned(self, reduced: list[Image.Image], turn: Image.Transpose, size: tuple[int, int]) -> list[Face]:
        # Reduced before they are turned: turning 12 megapixels takes longer than looking at them.
        faces = self._merged([picture.transpose(turn) for picture in reduced], turned_size(size, turn))
        return [turned_back(face, turn, size) for face in faces]

    def _merged(self, reduced: list[Image.Image], size: tuple[int, int]) -> list[Face]:
        """Faces at every scale, the smallest first, in pixels of the picture of size ``size``."""
        faces: list[Face] = []
        for picture in reduced:
            found = self._network.detect(np.asarray(picture), self._least_score)
            in_full = [face.scaled(size[0] / picture.width, size[1] / picture.height) for face in found]
            faces += [face for face in in_full if not any(is_same_face(face, known) for known in faces)]
        return faces


def reduced_pictures(rgb: Image.Image) -> Iterator[Image.Image]:
    """The picture at each scale, the smallest first; never enlarged, and native where a scale exceeds it."""
    pictures = [rgb]
    for side in sorted(SCALES, reverse=True):
        last = pictures[-1]
        factor = side / max(last.size)
        if factor < 1:
            size = max(1, round(last.width * factor)), max(1, round(last.height * factor))
            pictures.append(last.resize(size, Image.Resampling.BILINEAR))
    if max(rgb.size) > max(SCALES):
        pictures = pictures[1:]
    yield from reversed(pictures)


def is_same_face(one: Face, other: Face) -> bool:
    """Whether two boxes share at least half of the smaller one."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    smaller = min(one.width * one.height, other.width * other.height)
    return width > 0 and height > 0 and width * height >= SAME_FACE * smaller


def turned_size(size: tuple[int, int], turn: Image.Transpose) -> tuple[int, int]:
    """Width and height of a picture after ``turn``."""
    return size if turn is Image.Transpose.ROTATE_180 else (size[1], size[0])


def turned_back(face: Face, turn: Image.Transpose, picture: tuple[int, int]) -> Face:
    """A face found in the picture after ``turn``, in pixels of the picture of size ``picture`` before it."""
    full_width, full_height = picture

    def back(point: Point) -> Point:
        x, y = point
        if turn is Image.Transpose.ROTATE_90:
            return full_width - y, x
        if turn is Image.Transpose.ROTATE_180:
            return full_width - x, full_height - y
        return y, full_height - x

    first, opposite = back((face.left, face.top)), back((face.left + face.width, face.top + face.height))
    left, top = min(first[0], opposite[0]), min(first[1], opposite[1])
    right, bottom = max(first[0], opposite[0]), max(first[1], opposite[1])
    p = [back(point) for point in face.points]
    return Face(left, top, right - left, bottom - top, face.score, (p[0], p[1], p[2], p[3], p[4]))

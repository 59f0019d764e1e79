"""Version 2: squares around the faces of a picture (docs/faces.md), decoded and resized as in version 1.

Any change to what it gives is a new version.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image

from models.contract import InputSpec
from models.error_codes import ErrorCode
from models.faces.crop import MIN_SIDE, crop_face, face_region
from models.preprocessing.errors import ImageError, ImageFacts
from models.preprocessing.seen import Crop, Law, Seen
from models.preprocessing.v1 import decode_reduced, resized

if TYPE_CHECKING:
    from models.faces.detect import FaceDetector
    from models.faces.face import Face

DRAFT_SIZE = (1280, 1280)
"""Large JPEGs are decoded at a DCT scale that keeps at least this size, the larger of the detector's scales."""


def of_file(data: bytes, spec: InputSpec, max_pixels: int) -> Seen:
    """The squares of a file's faces, the largest face first. Raises :class:`ImageError`, with the code ``no_face`` or
    ``face_too_small`` for a picture without one that can be judged."""
    decoded = decode_reduced(data, DRAFT_SIZE, max_pixels)
    rgb, facts = decoded.rgb, decoded.facts
    faces = _detector().detect(rgb)
    reduction = max(facts.width, facts.height) / max(rgb.size)
    judged = _judged(faces, reduction, facts)
    if reduction > 1 and any(_side(face, rgb, spec) < spec.size for face in judged):
        # The network would see fewer pixels than the file has.
        full = decode_reduced(data, (facts.width, facts.height), max_pixels).rgb
        judged = [face.scaled(full.width / rgb.width, full.height / rgb.height) for face in judged]
        rgb = full
    return Seen(tuple(_crop(rgb, face, spec) for face in judged), facts, len(faces))


def of_picture(rgb: Image.Image, spec: InputSpec) -> tuple[Crop, ...]:
    """The same of a picture in memory. Raises :class:`ImageError`."""
    return tuple(_crop(rgb, face, spec) for face in _judged(_detector().detect(rgb), 1.0, None))


@cache
def _detector() -> FaceDetector:
    from models.faces.detect import FaceDetector

    return FaceDetector()


LAW = Law(of_file, of_picture, _detector)


def _judged(faces: Sequence[Face], reduction: float, facts: ImageFacts | None) -> list[Face]:
    """Those that are large enough in the file's own pixels, of which ``faces`` have a ``reduction``-th."""
    if not faces:
        raise ImageError(ErrorCode.NO_FACE, "no face was found", facts)
    judged = [face for face in faces if face.side * reduction >= MIN_SIDE]
    if not judged:
        largest = max(face.side for face in faces) * reduction
        detail = f"the largest of {len(faces)} faces has {largest:.0f} pixels, {MIN_SIDE} are needed"
        raise ImageError(ErrorCode.FACE_TOO_SMALL, detail, facts)
    return judged


def _margin(spec: InputSpec) -> float:
    if spec.margin is None:
        raise ValueError("a law of faces needs the margin that the model was trained with")
    return spec.margin


def _side(face: Face, rgb: Image.Image, spec: InputSpec) -> int:
    left, _, right, _ = face_region(face.box, rgb.size, margin=_margin(spec))
    return right - left


def _crop(rgb: Image.Image, face: Face, spec: InputSpec) -> Crop:
    region = face_region(face.box, rgb.size, margin=_margin(spec))
    left, top, right, bottom = region
    fractions = (left / rgb.width, top / rgb.height, right / rgb.width, bottom / rgb.height)
    return Crop(resized(crop_face(rgb, region), spec.size).tobytes(), fractions, face.score)

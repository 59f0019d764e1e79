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
from models.faces.crop import MIN_SIDE, Region, crop_face, face_region
from models.faces.face import Unjudged
from models.preprocessing.errors import ImageFacts, NothingToJudge
from models.preprocessing.seen import Crop, Fractions, Law, Seen, UnjudgedFace
from models.preprocessing.v1 import decode_reduced, resized

if TYPE_CHECKING:
    from models.faces.detect import FaceDetector
    from models.faces.face import Face

DRAFT_SIZE = (1280, 1280)
"""Large JPEGs are decoded at a DCT scale that keeps at least this size, the larger of the detector's scales."""


def of_file(data: bytes, spec: InputSpec, max_pixels: int) -> Seen:
    """The squares of a file's faces, the largest face first. Raises :class:`ImageError`; for a picture without one that
    can be judged a :class:`NothingToJudge`, with the code ``no_face`` or ``face_too_small``."""
    decoded = decode_reduced(data, DRAFT_SIZE, max_pixels)
    rgb, facts = decoded.rgb, decoded.facts
    reduction = max(facts.width, facts.height) / max(rgb.size)
    judged, unjudged = _sorted_out(_detector().detect(rgb), rgb, reduction, spec)
    _check(judged, unjudged, facts)
    if reduction > 1 and any(_side(face, rgb, spec) < spec.size for face in judged):
        # The network would see fewer pixels than the file has.
        full = decode_reduced(data, (facts.width, facts.height), max_pixels).rgb
        judged = [face.scaled(full.width / rgb.width, full.height / rgb.height) for face in judged]
        rgb = full
    return Seen(tuple(_crop(rgb, face, spec) for face in judged), facts, len(judged), unjudged)


def of_picture(rgb: Image.Image, spec: InputSpec) -> tuple[Crop, ...]:
    """The same of a picture in memory. Raises :class:`ImageError`."""
    judged, unjudged = _sorted_out(_detector().detect(rgb), rgb, 1.0, spec)
    _check(judged, unjudged, None)
    return tuple(_crop(rgb, face, spec) for face in judged)


@cache
def _detector() -> FaceDetector:
    from models.faces.detect import FaceDetector

    return FaceDetector()


LAW = Law(of_file, of_picture, _detector)


def _sorted_out(
    faces: Sequence[Face], rgb: Image.Image, reduction: float, spec: InputSpec
) -> tuple[list[Face], tuple[UnjudgedFace, ...]]:
    """Those that are large enough in the file's own pixels, of which ``rgb`` has a ``reduction``-th, and the others."""
    judged: list[Face] = []
    unjudged: list[UnjudgedFace] = []
    for face in faces:
        if (side := face.side * reduction) >= MIN_SIDE:
            judged.append(face)
        else:
            where = _fractions(_region(face, rgb, spec), rgb)
            unjudged.append(UnjudgedFace(where, int(side), face.score, Unjudged.TOO_SMALL))
    return judged, tuple(unjudged)


def _check(judged: Sequence[Face], unjudged: tuple[UnjudgedFace, ...], facts: ImageFacts | None) -> None:
    if judged:
        return
    if not unjudged:
        raise NothingToJudge(ErrorCode.NO_FACE, "no face was found", facts)
    detail = f"the largest of {len(unjudged)} faces has {unjudged[0].side} pixels, {MIN_SIDE} are needed"
    raise NothingToJudge(ErrorCode.FACE_TOO_SMALL, detail, facts, unjudged)


def _margin(spec: InputSpec) -> float:
    if spec.margin is None:
        raise ValueError("a law of faces needs the margin that the model was trained with")
    return spec.margin


def _region(face: Face, rgb: Image.Image, spec: InputSpec) -> Region:
    return face_region(face.box, rgb.size, margin=_margin(spec))


def _side(face: Face, rgb: Image.Image, spec: InputSpec) -> int:
    left, _, right, _ = _region(face, rgb, spec)
    return right - left


def _crop(rgb: Image.Image, face: Face, spec: InputSpec) -> Crop:
    region = _region(face, rgb, spec)
    return Crop(resized(crop_face(rgb, region), spec.size).tobytes(), _fractions(region, rgb), face.score)


def _fractions(region: Region, rgb: Image.Image) -> Fractions:
    left, top, right, bottom = region
    return left / rgb.width, top / rgb.height, right / rgb.width, bottom / rgb.height

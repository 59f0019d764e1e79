"""Version 2: squares around the faces of a picture (docs/faces.md), decoded and resized as in version 1.

Any change to what it gives is a new version.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PIL import Image

from models.contract import InputSpec
from models.error_codes import ErrorCode
from models.faces.crop import MIN_SIDE, Region, crop_face, face_region
from models.faces.face import Unjudged
from models.faces.rules import LAWS_OWN, FaceRules, NoFace
from models.preprocessing.errors import ImageFacts, NothingToJudge
from models.preprocessing.seen import Crop, Fractions, Law, Seen, SeenFrame, UnjudgedFace
from models.preprocessing.v1 import decode_reduced, resized, whole_picture

if TYPE_CHECKING:
    from models.faces.detect import FaceDetector
    from models.faces.face import Face

DRAFT_SIZE = (1280, 1280)
"""Large JPEGs are decoded at a DCT scale that keeps at least this size, the larger of the detector's scales."""


def of_file(
    data: bytes,
    spec: InputSpec,
    max_pixels: int,
    faces: FaceRules = LAWS_OWN,
    max_faces: int | None = None,
) -> Seen:
    """The squares of a file's faces, the largest face first; where none is judged, the whole picture if ``faces`` says
    so. Raises :class:`ImageError`; without anything to judge a :class:`NothingToJudge`, with the code ``no_face`` or
    ``face_too_small``."""
    seen = _of_faces(data, spec, max_pixels, faces.min_face, max_faces)
    if seen.crops:
        return seen
    if faces.no_face is NoFace.SKIP:
        raise _nothing_to_judge(seen.unjudged, faces.min_face, seen.facts)
    pixels, facts = whole_picture(data, spec.size, max_pixels)
    return Seen((Crop(pixels),), facts, 0, seen.unjudged)


def _of_faces(data: bytes, spec: InputSpec, max_pixels: int, min_face: int, max_faces: int | None) -> Seen:
    """Perhaps without a crop."""
    decoded = decode_reduced(data, DRAFT_SIZE, max_pixels)
    rgb, facts = decoded.rgb, decoded.facts
    reduction = max(facts.width, facts.height) / max(rgb.size)
    found = _detector().detect(rgb)
    judged = [face for face in found if face.side * reduction >= min_face][:max_faces]
    rest = found[len(judged) :]
    unjudged = tuple(_unjudged(face, rgb, reduction, spec, min_face) for face in rest)
    if reduction > 1 and any(_side(face, rgb, spec) < spec.size for face in judged):
        # The network would see fewer pixels than the file has.
        full = decode_reduced(data, (facts.width, facts.height), max_pixels).rgb
        judged = [face.scaled(full.width / rgb.width, full.height / rgb.height) for face in judged]
        rgb = full
    return Seen(tuple(_crop(rgb, face, spec) for face in judged), facts, len(judged), unjudged)


def of_picture(
    rgb: Image.Image, spec: InputSpec, shift: tuple[float, float] = (0.0, 0.0)
) -> tuple[Crop, ...]:
    """The same of a picture in memory. Raises :class:`ImageError`.

    The law's squares are not shifted; a ``shift``, in their sides to the right and down, is for measurements.
    """
    found = _detector().detect(rgb)
    judged = [face for face in found if face.side >= MIN_SIDE]
    if not judged:
        raise _nothing_to_judge(tuple(_unjudged(face, rgb, 1.0, spec, MIN_SIDE) for face in found), MIN_SIDE)
    return tuple(_crop(rgb, face, spec, shift) for face in judged)


def of_frame(
    rgb: Image.Image, spec: InputSpec, faces: FaceRules = LAWS_OWN, max_faces: int | None = None
) -> SeenFrame:
    """The same of one picture of several, in its full size, the largest face first; raises nothing."""
    found = _detector().detect(rgb)
    judged = [face for face in found if face.side >= faces.min_face][:max_faces]
    unjudged = tuple(_unjudged(face, rgb, 1.0, spec, faces.min_face) for face in found[len(judged) :])
    return SeenFrame(tuple(_crop(rgb, face, spec) for face in judged), unjudged)


@cache
def _detector() -> FaceDetector:
    from models.faces.detect import FaceDetector

    return FaceDetector()


LAW = Law(of_file, of_picture, of_frame, _detector)


def _unjudged(face: Face, rgb: Image.Image, reduction: float, spec: InputSpec, min_face: int) -> UnjudgedFace:
    """``rgb`` has a ``reduction``-th of the file's pixels, across and down."""
    side = face.side * reduction
    why = Unjudged.TOO_SMALL if side < min_face else Unjudged.BEYOND_MAX_FACES
    return UnjudgedFace(_fractions(_region(face, rgb, spec), rgb), int(side), face.score, why)


def _nothing_to_judge(
    unjudged: tuple[UnjudgedFace, ...], min_face: int, facts: ImageFacts | None = None
) -> NothingToJudge:
    if not unjudged:
        return NothingToJudge(ErrorCode.NO_FACE, "no face was found", facts)
    detail = f"the largest of {len(unjudged)} faces has {unjudged[0].side} pixels, {min_face} are needed"
    return NothingToJudge(ErrorCode.FACE_TOO_SMALL, detail, facts, unjudged)


def _margin(spec: InputSpec) -> float:
    if spec.margin is None:
        raise ValueError("a law of faces needs the margin that the model was trained with")
    return spec.margin


def _region(face: Face, rgb: Image.Image, spec: InputSpec) -> Region:
    return face_region(face.box, rgb.size, margin=_margin(spec))


def _side(face: Face, rgb: Image.Image, spec: InputSpec) -> int:
    left, _, right, _ = _region(face, rgb, spec)
    return right - left


def _crop(rgb: Image.Image, face: Face, spec: InputSpec, shift: tuple[float, float] = (0.0, 0.0)) -> Crop:
    region = face_region(face.box, rgb.size, margin=_margin(spec), shift=shift)
    left, top, width, height = face.box
    return Crop(
        resized(crop_face(rgb, region), spec.size).tobytes(),
        _fractions(region, rgb),
        face.score,
        _fractions((left, top, left + width, top + height), rgb),
    )


def _fractions(region: Region | Fractions, rgb: Image.Image) -> Fractions:
    left, top, right, bottom = region
    return left / rgb.width, top / rgb.height, right / rgb.width, bottom / rgb.height

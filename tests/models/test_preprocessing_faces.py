"""Version 2 of the preprocessing: from a file to the squares around its faces."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from portraits import on_grey, portrait

from models.contract import InputSpec, ModelMetadata
from models.error_codes import ErrorCode
from models.faces.crop import crop_face, face_region
from models.faces.detect import FaceDetector
from models.faces.face import Unjudged
from models.faces.law import face_law
from models.faces.rules import FaceRules, NoFace
from models.preprocessing import MAX_PIXELS, ImageError, to_input
from models.preprocessing.errors import NothingToJudge
from models.preprocessing.input_spec import input_spec
from models.preprocessing.laws import law_of
from models.preprocessing.seen import Crop, Seen
from models.support.errors import ModelFileError

SPEC = InputSpec(2, 260, 1.2)
LAW = law_of(SPEC)


def encoded(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def seen(picture: Image.Image, format: str = "PNG", **options: Any) -> Seen:
    return LAW.of_file(encoded(picture, format, **options), SPEC, MAX_PIXELS)


def pixels(crop: Crop) -> npt.NDArray[np.uint8]:
    return np.frombuffer(crop.pixels, np.uint8).reshape(260, 260, 3)


def test_a_crop_is_the_faces_square_resized_as_ever() -> None:
    picture = on_grey(600, 400, ("hopper", 200, 300, 150))
    [face] = FaceDetector().detect(picture)
    region = face_region(face.box, picture.size, margin=1.2)
    found = seen(picture)
    [crop] = found.crops
    assert np.array_equal(pixels(crop), to_input(crop_face(picture, region)))
    left, top, right, bottom = crop.region
    assert (left * 600, top * 400, right * 600, bottom * 400) == pytest.approx(region)
    assert crop.face == face.score and found.faces == 1
    assert (found.facts.width, found.facts.height, found.facts.frames) == (600, 400, 1)


def test_a_picture_in_memory_gives_the_same() -> None:
    picture = on_grey(600, 400, ("hopper", 200, 300, 150))
    assert LAW.of_picture(picture, SPEC) == seen(picture).crops


def test_every_face_has_a_crop_the_largest_first() -> None:
    found = seen(on_grey(1200, 800, ("collins", 200, 50, 300), ("hopper", 500, 500, 150)))
    assert found.faces == 2
    first, second = (crop.region for crop in found.crops)
    assert first[2] - first[0] > second[2] - second[0] and second[2] < first[0]


def test_a_face_below_the_least_side_is_told_and_not_judged() -> None:
    found = seen(on_grey(1000, 700, ("hopper", 400, 500, 150), ("collins", 55, 100, 100)))
    assert (found.faces, len(found.crops)) == (1, 1)
    [small] = found.unjudged
    assert small.why is Unjudged.TOO_SMALL and 20 < small.side < 48 and small.face >= 0.7
    left, top, right, bottom = small.region
    assert 80 <= left * 1000 < right * 1000 <= 175 and 80 <= top * 700 < bottom * 700 <= 175


def test_no_more_faces_than_asked_for_are_judged_the_largest_first() -> None:
    picture = on_grey(1200, 800, ("collins", 200, 50, 300), ("hopper", 500, 500, 150), ("hopper", 55, 50, 50))
    data = encoded(picture)
    every = LAW.of_file(data, SPEC, MAX_PIXELS)
    found = LAW.of_file(data, SPEC, MAX_PIXELS, FaceRules(), 1)
    assert found.crops == every.crops[:1] and (found.faces, every.faces) == (1, 2)
    assert [face.why for face in found.unjudged] == [Unjudged.BEYOND_MAX_FACES, Unjudged.TOO_SMALL]
    assert found.unjudged[0].region == every.crops[1].region and found.unjudged[1:] == every.unjudged


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_without_a_face_the_whole_picture_is_what_version_1_sees(format: str) -> None:
    data = encoded(on_grey(3000, 2400, ("collins", 55, 100, 60)), format)
    whole = law_of(InputSpec(1, 96)).of_file(data, InputSpec(1, 96), MAX_PIXELS)
    spec = InputSpec(2, 96, 1.2)
    found = LAW.of_file(data, spec, MAX_PIXELS, FaceRules(no_face=NoFace.WHOLE))
    assert (found.crops, found.facts, found.faces) == (whole.crops, whole.facts, 0)


@pytest.mark.parametrize(
    ("picture", "code", "too_small"),
    [
        (Image.new("RGB", (300, 200), (90, 120, 60)), ErrorCode.NO_FACE, 0),
        (on_grey(300, 200, ("collins", 55, 100, 60)), ErrorCode.FACE_TOO_SMALL, 1),
    ],
)
def test_without_a_face_to_judge_there_is_no_number(
    picture: Image.Image, code: ErrorCode, too_small: int
) -> None:
    with pytest.raises(NothingToJudge) as refused:
        seen(picture)
    assert [face.why for face in refused.value.unjudged] == [Unjudged.TOO_SMALL] * too_small
    assert refused.value.code is code and refused.value.facts is not None
    assert (refused.value.facts.width, refused.value.facts.height) == picture.size
    with pytest.raises(ImageError):
        LAW.of_picture(picture, SPEC)


def test_a_large_jpeg_loses_nothing_of_a_small_face() -> None:
    """Reduced to a half while it is decoded, the face's square would have 150 pixels for the network's 260."""
    picture = on_grey(3000, 2600, ("hopper", 360, 1800, 900))
    [reduced] = seen(picture, "JPEG", quality=95).crops
    full = Image.open(io.BytesIO(encoded(picture, "JPEG", quality=95))).convert("RGB")
    [face] = FaceDetector().detect(full)
    exact = to_input(crop_face(full, face_region(face.box, full.size, margin=1.2)))
    # The box was found on the reduced picture: the square may lie a pixel or two beside.
    assert np.abs(pixels(reduced).astype(int) - exact).mean() < 3
    left, top, right, bottom = reduced.region
    assert (left, right) == pytest.approx([1800 / 3000 + 0.01, 2160 / 3000], abs=0.02)
    assert (right - left) * 3000 == pytest.approx((bottom - top) * 2600, abs=0.01)


def test_faces_are_looked_for_in_the_upright_picture() -> None:
    upright = on_grey(600, 400, ("hopper", 200, 300, 150))
    exif = Image.Exif()
    exif[0x0112] = 6
    [turned] = seen(upright.transpose(Image.Transpose.ROTATE_90), exif=exif).crops
    assert turned == seen(upright).crops[0]


def test_damage_is_what_it_is_in_version_1() -> None:
    with pytest.raises(ImageError) as refused:
        LAW.of_file(encoded(portrait("hopper", 300))[:5000], SPEC, MAX_PIXELS)
    assert refused.value.code is ErrorCode.CORRUPT_IMAGE
    with pytest.raises(ImageError) as refused:
        LAW.of_file(encoded(portrait("hopper", 300)), SPEC, 100)
    assert refused.value.code is ErrorCode.TOO_MANY_PIXELS


def of_faces(**changes: Any) -> ModelMetadata:
    return ModelMetadata(
        "m", "1", "fake", preprocess=2, faces=json.loads(json.dumps(face_law(1.2))) | changes
    )


def test_a_model_says_margin_and_edge() -> None:
    assert input_spec(of_faces(), 128, where="m") == InputSpec(2, 128, 1.2)
    assert input_spec(ModelMetadata("m", "1", "fake"), 260, where="m") == InputSpec(1, 260, None)


@pytest.mark.parametrize(
    "changes",
    [{"detector_sha256": "ab" * 32}, {"least_score": 0.5}, {"min_side": 30}, {"roll": True}, {"margin": 0}],
)
def test_faces_that_would_be_found_or_cut_otherwise_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelFileError, match="would not find or cut in the same way") as refused:
        input_spec(of_faces(**changes), 260, where="m.onnx")
    assert str(refused.value).startswith("m.onnx ") and next(iter(changes)) in str(refused.value)


def test_an_altered_detector_is_refused_before_anything_is_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yunet.onnx").write_bytes(b"altered")
    monkeypatch.setattr("models.faces.yunet.shipped_bytes.__defaults__", (tmp_path / "yunet.onnx",))
    with pytest.raises(ModelFileError, match="has been altered"):
        input_spec(of_faces(), 260, where="m")

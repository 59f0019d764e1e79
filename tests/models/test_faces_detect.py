from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from portraits import on_grey, portrait

from models.faces import detect
from models.faces.detect import SCALES, FaceDetector, is_same_face, reduced_pictures, turned_back
from models.faces.face import Face
from models.faces.yunet import MODEL_FILE, YuNet
from models.weights import sha256_file

TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
NO_POINTS = ((0.0, 0.0),) * 5


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def box(left: float, top: float, width: float, height: float, score: float = 0.9) -> Face:
    return Face(left, top, width, height, score, NO_POINTS)


def test_a_face_that_fills_a_large_picture_is_found_once(detector: FaceDetector) -> None:
    [face] = detector.detect(portrait("hopper", 1600))
    [small] = detector.detect(portrait("hopper", 300))
    assert np.allclose(face.box, [value * 1600 / 300 for value in small.box], atol=60)
    assert np.allclose(face.points, np.array(small.points) * 1600 / 300, atol=60)


def test_large_and_small_faces_of_one_picture_are_found(detector: FaceDetector) -> None:
    faces = detector.detect(
        on_grey(
            1600, 1200, ("hopper", 1000, 50, 100), ("collins", 110, 1200, 100), ("collins", 160, 1300, 800)
        )
    )
    assert faces[0].side > 600
    assert [1200 <= face.left < 1460 for face in faces] == [False, True, True]
    assert faces[1].top > faces[2].top, "the largest first"


def test_a_small_face_needs_the_larger_scale(detector: FaceDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = on_grey(1280, 960, ("collins", 110, 700, 300))
    assert len(detector.detect(picture)) == 1
    monkeypatch.setattr(detect, "SCALES", (320,))
    assert detector.detect(picture) == []


@pytest.mark.parametrize("turn", TURNS)
def test_a_face_on_its_side_is_where_it_is(
    detector: FaceDetector, turn: Image.Transpose, monkeypatch: pytest.MonkeyPatch
) -> None:
    upright = on_grey(500, 400, ("collins", 200, 40, 150))
    [expected] = detector.detect(upright)
    # What the network finds lying down it need not find; here it finds nothing until the picture is turned.
    turned = upright.transpose(turn)
    find, as_it_lies = YuNet.detect, {np.asarray(picture).tobytes() for picture in reduced_pictures(turned)}

    def blind_to_that(self: YuNet, rgb: npt.NDArray[np.uint8], least_score: float) -> list[Face]:
        return [] if rgb.tobytes() in as_it_lies else find(self, rgb, least_score)

    monkeypatch.setattr(YuNet, "detect", blind_to_that)
    [face] = detector.detect(turned)
    undo = TURNS[2 - TURNS.index(turn)]
    assert face.box == pytest.approx(turned_back(expected, undo, turned.size).box, abs=1)
    eyes = np.mean(face.points[:2], axis=0)
    mouth = np.mean(face.points[3:], axis=0)
    down = {TURNS[0]: (1, 0), TURNS[1]: (0, -1), TURNS[2]: (-1, 0)}[turn]
    assert (mouth - eyes) @ down > 30, "the mouth lies where the turn has put it"


@pytest.mark.parametrize("turn", TURNS)
def test_a_box_is_turned_back_with_its_pixels(turn: Image.Transpose) -> None:
    pixels = np.zeros((30, 50), np.uint8)
    pixels[3:10, 20:25] = 255
    turned = Image.fromarray(pixels).transpose(turn)
    left, top, right, bottom = turned.getbbox() or (0, 0, 0, 0)
    corner = Face(left, top, right - left, bottom - top, 0.9, ((left, top),) * 5)
    back = turned_back(corner, turn, (50, 30))
    assert back.box == (20, 3, 5, 7)
    assert back.points[0] in {(20, 3), (25, 3), (20, 10), (25, 10)}


def test_a_face_needs_the_least_score(detector: FaceDetector) -> None:
    picture = portrait("hopper", 300)
    [face] = detector.detect(picture)
    assert len(FaceDetector(least_score=face.score - 0.01).detect(picture)) == 1
    assert face not in FaceDetector(least_score=face.score + 0.01).detect(picture)


def test_no_face_in_any_turn(detector: FaceDetector) -> None:
    assert detector.detect(on_grey(400, 300)) == []


def test_the_same_picture_gives_the_same_faces(detector: FaceDetector) -> None:
    picture = on_grey(900, 700, ("hopper", 300, 20, 20), ("collins", 300, 500, 300))
    first = detector.detect(picture)
    assert len(first) == 2
    assert detector.detect(picture) == first == FaceDetector().detect(picture)


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_pictures_are_only_ever_reduced(width: int, height: int) -> None:
    pictures = list(reduced_pictures(Image.new("L", (width, height))))
    assert len(pictures) == (1 if max(width, height) <= min(SCALES) else 2)
    for picture, scale in zip(reversed(pictures), reversed(SCALES), strict=False):
        assert max(picture.size) == min(scale, max(width, height))
        assert picture.width <= width and picture.height <= height and min(picture.size) >= 1
        assert abs(picture.width * height - picture.height * width) <= max(width, height), "its shape"
    assert sorted(pictures, key=lambda picture: max(picture.size)) == pictures


def test_a_picture_that_needs_no_reduction_is_given_as_it_is() -> None:
    picture = portrait("collins", 320)
    [only] = reduced_pictures(picture)
    assert only is picture


def test_the_box_of_the_smaller_scale_stays(detector: FaceDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        320: [box(0, 0, 100, 100, 0.7)],
        1280: [
            box(10, 10, 360, 380, 0.95),
            box(200, 200, 100, 100, 0.9),
            box(900, 100, 100, 100, 0.8),
            box(920, 110, 100, 100),
        ],
    }

    def answer(self: YuNet, rgb: npt.NDArray[np.uint8], least_score: float) -> list[Face]:
        return found[max(rgb.shape)]

    monkeypatch.setattr(YuNet, "detect", answer)
    faces = detector.detect(Image.new("RGB", (2560, 1280)))
    # In the picture's pixels, the smaller scale's eightfold; two boxes of one scale are the detector's own business.
    assert [face.box for face in faces] == [(0, 0, 800, 800), (1840, 220, 200, 200), (1800, 200, 200, 200)]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (box(0, 0, 10, 10), True),
        (box(0, 5, 10, 10), True),
        (box(0, 6, 10, 10), False),
        (box(2, 2, 3, 3), True),
        (box(20, 0, 10, 10), False),
        (box(20, 20, 10, 10), False),
        (box(-90, -90, 100, 100), True),
    ],
)
def test_half_of_the_smaller_box_makes_one_face(other: Face, same: bool) -> None:
    assert is_same_face(box(0, 0, 10, 10), other) is same
    assert is_same_face(other, box(0, 0, 10, 10)) is same


def test_the_facts_are_those_of_the_file() -> None:
    assert FaceDetector.facts.sha256 == sha256_file(MODEL_FILE)
    assert FaceDetector.facts.name == "yunet_2023mar"


def test_detecting_imports_neither_torch_nor_opencv() -> None:
    code = (
        "import sys; from PIL import Image; from models.faces.detect import FaceDetector;"
        "FaceDetector().detect(Image.new('RGB', (64, 64)));"
        "print({'torch', 'cv2', 'onnx'} & set(sys.modules))"
    )
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

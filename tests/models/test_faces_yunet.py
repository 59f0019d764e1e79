"""Held against OpenCV's own detector, which is no part of a scan."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.faces import yunet
from models.faces.face import Face
from models.faces.yunet import MODEL_FILE, YuNet
from models.support.errors import ModelFileError

PORTRAITS = sorted((Path(__file__).parents[2] / "samples" / "real").glob("*.jpg"))
Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def network() -> YuNet:
    return YuNet()


@pytest.fixture(scope="module")
def cv2() -> Any:
    return pytest.importorskip("cv2", reason="OpenCV is not installed (extra [dev])")


def scene(seed: int, width: int, height: int) -> Pixels:
    """Portraits of many sizes on a rough ground; they may lie over each other and over the edges."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, (max(height // 40, 1), max(width // 40, 1), 3), np.uint8)
    picture = Image.fromarray(ground).resize((width, height), Image.Resampling.BICUBIC)
    for _ in range(int(rng.integers(1, 7))):
        side = int(rng.integers(12, max(13, int(1.2 * max(width, height)))))
        with Image.open(PORTRAITS[int(rng.integers(len(PORTRAITS)))]) as portrait:
            face = portrait.convert("RGB").resize((side, int(side * rng.uniform(0.7, 1.4))))
        x, y = rng.integers(-side // 2, width), rng.integers(-side // 2, height)
        picture.paste(face, (int(x), int(y)))
    return np.asarray(picture)


def as_rows(faces: list[Face]) -> npt.NDArray[np.float64]:
    rows = [[*face.box, *(value for point in face.points for value in point), face.score] for face in faces]
    return np.array(rows, np.float64).reshape(-1, 15)


def opencv_rows(cv2: ModuleType, rgb: Pixels, least_score: float) -> npt.NDArray[np.float64]:
    height, width, _ = rgb.shape
    detector = cv2.FaceDetectorYN.create(str(MODEL_FILE), "", (width, height), least_score, 0.3, 5000)
    _, rows = detector.detect(np.ascontiguousarray(rgb[:, :, ::-1]))
    return np.zeros((0, 15)) if rows is None else np.asarray(rows, np.float64)


SIZES = [
    *[(320, 320), (320, 240), (319, 181), (173, 319), (320, 31), (33, 320), (320, 1), (224, 224), (1, 1)],
    *[(1280, 961), (1279, 407), (640, 1280), (1280, 97), (1280, 720)],
]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_faces_are_those_of_opencv(network: YuNet, cv2: ModuleType, width: int, height: int) -> None:
    for seed in range(2 if max(width, height) > 320 else 5):
        rgb = scene(seed, width, height)
        ours, theirs = as_rows(network.detect(rgb, 0.6)), opencv_rows(cv2, rgb, 0.6)
        assert ours.shape == theirs.shape, f"seed {seed}"
        np.testing.assert_allclose(ours[:, :14], theirs[:, :14], atol=1e-3, rtol=0)
        np.testing.assert_allclose(ours[:, 14], theirs[:, 14], atol=1e-5, rtol=0)


def test_the_scenes_have_faces(network: YuNet) -> None:
    found = [len(network.detect(scene(seed, 320, 240), 0.6)) for seed in range(5)]
    assert max(found) > 1


def test_many_weak_candidates_are_suppressed_as_by_opencv(network: YuNet, cv2: ModuleType) -> None:
    rgb = scene(3, 640, 480)
    ours, theirs = as_rows(network.detect(rgb, 0.05)), opencv_rows(cv2, rgb, 0.05)
    assert len(ours) > 5
    np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=0)


@given(
    st.lists(
        st.tuples(*[st.integers(-5, 12)] * 2, *[st.integers(1, 12)] * 2, st.integers(1, 16)),
        min_size=2,
        max_size=20,
    )
)
def test_suppression_is_that_of_opencv(cv2: ModuleType, drawn: list[tuple[int, int, int, int, int]]) -> None:
    rows = np.zeros((len(drawn), 15), np.float32)
    rows[:, :4] = [box[:4] for box in drawn]
    rows[:, 14] = [box[4] / 16 for box in drawn]
    kept = cv2.dnn.NMSBoxes([box[:4] for box in drawn], rows[:, 14].tolist(), 0.25, 0.3, top_k=5000)
    assert yunet._suppressed(rows, 0.25) == list(kept)


def test_a_black_picture_has_no_face(network: YuNet) -> None:
    assert network.detect(np.zeros((50, 70, 3), np.uint8), 0.3) == []


def test_threads_change_nothing() -> None:
    rgb = scene(1, 320, 240)
    assert as_rows(YuNet(threads=2).detect(rgb, 0.6)) == pytest.approx(
        as_rows(YuNet(threads=1).detect(rgb, 0.6))
    )


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    model = bytearray(MODEL_FILE.read_bytes())
    model[-1] ^= 1
    altered = tmp_path / "altered.onnx"
    altered.write_bytes(model)
    with pytest.raises(
        ModelFileError, match=r"altered\.onnx has been altered .*install deepfake-scanner again"
    ):
        YuNet(path=altered)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    reason = os.strerror(2)
    with pytest.raises(
        ModelFileError, match=rf"none\.onnx cannot be read \({reason}\); install deepfake-scanner again"
    ):
        YuNet(path=tmp_path / "none.onnx")


def test_the_licence_lies_beside_the_file() -> None:
    assert "MIT License" in (MODEL_FILE.parent / "LICENSE.yunet").read_text(encoding="utf-8")

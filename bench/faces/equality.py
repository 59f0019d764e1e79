"""Our decoding beside OpenCV's on the same pixels."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.faces.scenes import scene
from models.faces.detect import LEAST_SCORE, SCALES, reduced_pictures
from models.faces.yunet import MODEL_FILE, YuNet

Rows = npt.NDArray[np.float64]


def equality_lines(faces: list[Path], count: int) -> list[str]:
    """A Markdown table over ``count`` scenes at each scale."""
    import cv2

    network = YuNet()
    lines = [
        f"OpenCV {cv2.__version__}, score ≥ {LEAST_SCORE}:",
        "",
        "| longer side | pictures | faces | pictures with another number | largest difference, px | in score |",
        "|---|---|---|---|---|---|",
    ]
    pairs: dict[int, list[tuple[Rows, Rows]]] = {scale: [] for scale in SCALES}
    for number in range(count):
        for picture in reduced_pictures(scene(faces, number)):
            pairs[max(picture.size)].append((_ours(network, picture), _opencv(cv2, picture)))
    for scale, both in pairs.items():
        same = [(ours, theirs) for ours, theirs in both if ours.shape == theirs.shape]
        apart = [np.abs(ours - theirs) for ours, theirs in same if len(ours)]
        pixels, score = max(rows[:, :14].max() for rows in apart), max(rows[:, 14].max() for rows in apart)
        found = sum(len(theirs) for _, theirs in both)
        lines.append(
            f"| {scale} | {len(both)} | {found} | {len(both) - len(same)} | {pixels:.1e} | {score:.1e} |"
        )
    return lines


def _ours(network: YuNet, picture: Image.Image) -> Rows:
    rows = [
        [*face.box, *(value for point in face.points for value in point), face.score]
        for face in network.detect(np.asarray(picture), LEAST_SCORE)
    ]
    return np.array(rows, np.float64).reshape(-1, 15)


def _opencv(cv2: ModuleType, picture: Image.Image) -> Rows:
    detector = cv2.FaceDetectorYN.create(str(MODEL_FILE), "", picture.size, LEAST_SCORE, 0.3, 5000)
    _, rows = detector.detect(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]))
    return np.zeros((0, 15)) if rows is None else np.asarray(rows, np.float64)

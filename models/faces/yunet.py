"""YuNet, the face detector that ships with the project, at one scale.

https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet (MIT, see ``LICENSE.yunet``). Wu, Peng and
Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20 (2023). Input, decoding and
suppression are those of OpenCV's ``FaceDetectorYN``, without OpenCV.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.faces.face import Face
from models.support.errors import ModelFileError
from models.support.onnx_runtime import load_onnxruntime

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32s = npt.NDArray[np.float32]
    Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class DetectorFacts:
    """What a model's metadata says of the detector it was trained behind."""

    name: str
    sha256: str


DETECTOR = DetectorFacts("yunet_2023mar", "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4")
MODEL_FILE = Path(__file__).parent / "face_detection_yunet_2023mar.onnx"

_STRIDES = (8, 16, 32)
_COLUMNS = 15
_NMS_IOU = 0.3
_NMS_CANDIDATES = 5000

_FIXED_SIDE = bytes.fromhex("0a03088005")
"""In the file's input shape, as protobuf: a dimension whose value is 640. It stands there twice, height first."""
_FREE_SIDES = (bytes.fromhex("0a03120148"), bytes.fromhex("0a03120157"))
"""In as many bytes: a dimension named H, one named W."""


class YuNet:
    """The network with its decoding. A forked process makes its own."""

    def __init__(self, threads: int = 1, path: Path = MODEL_FILE) -> None:
        """Load and check the file. Raises :class:`ModelFileError` where it is missing or is not what shipped."""
        model = _with_free_sides(shipped_bytes(path))
        onnxruntime = load_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # it warns of outputs whose declared shapes were those of 640 pixels
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def detect(self, rgb: Pixels, least_score: float) -> list[Face]:
        """Faces in ``uint8[height, width, 3]``, the surest first, none below ``least_score``."""
        padded = _padded_to_stride(rgb)
        outputs = self._session.run(None, {"input": padded})
        named = {
            output.name: value[0] for output, value in zip(self._session.get_outputs(), outputs, strict=True)
        }
        rows = np.concatenate(
            [
                _decoded(named, stride, padded.shape[3] // stride, np.float32(least_score))
                for stride in _STRIDES
            ]
        )
        return [_face(row) for row in rows[_suppressed(rows, least_score)]]


def shipped_bytes(path: Path = MODEL_FILE) -> bytes:
    """The detector's file. Raises :class:`ModelFileError` where it is missing or is not what shipped."""
    try:
        model = path.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"the face detector {path} cannot be read ({error.strerror}); install deepfake-scanner again"
        ) from None
    digest = hashlib.sha256(model).hexdigest()
    if digest != DETECTOR.sha256:
        raise ModelFileError(
            f"the face detector {path} has been altered (SHA-256 {digest[:12]}…, "
            f"it shipped with {DETECTOR.sha256[:12]}…); install deepfake-scanner again"
        )
    return model


def _with_free_sides(model: bytes) -> bytes:
    """The file for pictures of any size. In bytes, since the onnx package is no part of a scan."""
    for free in _FREE_SIDES:
        model = model.replace(_FIXED_SIDE, free, 1)
    return model


def _padded_to_stride(rgb: Pixels) -> Float32s:
    """``float32[1, 3, height, width]``, blue first, black to the right and below up to multiples of 32."""
    height, width, _ = rgb.shape
    step = _STRIDES[-1]
    planes = rgb.transpose(2, 0, 1)[::-1]
    if height % step == 0 == width % step:
        return np.ascontiguousarray(planes[None], np.float32)
    padded = np.zeros((1, 3, -(-height // step) * step, -(-width // step) * step), np.float32)
    padded[0, :, :height, :width] = planes
    return padded


def _decoded(named: dict[str, Float32s], stride: int, columns: int, least_score: np.float32) -> Float32s:
    """Candidates of one level, ``float32[n, _COLUMNS]``: left, top, width, height, five points, score.

    The network gives each cell a box relative to the cell's corner, in units of the stride, sizes as logarithms.
    """
    scores = np.sqrt(np.clip(named[f"cls_{stride}"], 0, 1) * np.clip(named[f"obj_{stride}"], 0, 1))[:, 0]
    cells = np.flatnonzero(scores >= least_score)
    if not len(cells):  # of most levels of most pictures
        return np.empty((0, _COLUMNS), np.float32)
    box, points = named[f"bbox_{stride}"][cells], named[f"kps_{stride}"][cells]
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
    size = np.exp(box[:, 2:]) * np.float32(stride)
    start = (corner + box[:, :2]) * np.float32(stride) - size / np.float32(2)
    landmarks = (points + np.tile(corner, 5)) * np.float32(stride)
    return np.concatenate([start, size, landmarks, scores[cells, None]], axis=1)


def _suppressed(rows: Float32s, least_score: float) -> list[int]:
    """Rows that no surer one overlaps too much, the surest first: OpenCV's ``NMSBoxes`` on whole pixels."""
    if len(rows) < 2:
        return list(range(len(rows)))
    # A lone candidate passes with the least score itself, of several each must exceed it.
    above = np.flatnonzero(rows[:, 14] > np.float32(least_score))
    order = above[np.argsort(-rows[above, 14], kind="stable")][:_NMS_CANDIDATES]
    boxes = np.trunc(rows[:, :4]).astype(np.int64)
    kept: list[int] = []
    while len(order):
        first, order = int(order[0]), order[1:]
        kept.append(first)
        order = order[_iou(boxes[first], boxes[order]) <= np.float32(_NMS_IOU)]
    return kept


def _iou(box: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> Float32s:
    start = np.maximum(box[:2], others[:, :2])
    end = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    shared = np.prod(np.maximum(end - start, 0), axis=1)
    union = np.prod(box[2:]) + np.prod(others[:, 2:], axis=1) - shared
    # Two boxes of less than a pixel count as the same.
    return np.where(union > 0, shared / np.maximum(union, 1), 1).astype(np.float32)


def _face(row: Float32s) -> Face:
    values = [float(value) for value in row]
    points = list(zip(values[4:14:2], values[5:14:2], strict=True))
    return Face(
        values[0],
        values[1],
        values[2],
        values[3],
        values[14],
        (points[0], points[1], points[2], points[3], points[4]),
    )

"""Where the face is in each image of a data set: from its manifest, from an earlier run's list, or by looking.

Finding faces is minutes for tens of thousands of pictures, so a list of what was found stays beside the runs.
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from models.faces.crop import MIN_SIDE, Box, crop_face, face_region
from models.faces.yunet import DETECTOR
from models.support.atomic import replacing
from train.datasets.tree import FACE_COLUMNS, LabelledImage, face_columns, face_of

MARGIN_FACTORS = (0.8, 1.25)
"""Training scales the law's margin by a factor from this range, so that the score does not depend on the cropping."""

SHIFT = 0.06
"""Training moves the square's centre by up to this part of its side, to each side and up and down."""

_COLUMNS = ("sha256", *FACE_COLUMNS)


class FaceList:
    """Boxes by the SHA-256 of the image's bytes; an empty one stands for a picture without a face."""

    def __init__(self, file: Path | None = None) -> None:
        """``file``: what an earlier run found, if it is there and can be read."""
        self._known: dict[str, Box | None] = dict(_read(file)) if file is not None and file.is_file() else {}
        self._local = threading.local()

    @staticmethod
    def beside(run: Path, data: str) -> Path:
        """The list of a data set beside a run's folder; another detector has another list."""
        return run.parent / f"{data}.faces-{DETECTOR.sha256[:8]}.csv"

    def box(self, image: LabelledImage, sha256: str, rgb: Image.Image) -> Box | None:
        """The box of the largest face in pixels of ``rgb``; ``None``: no face, or none of :data:`MIN_SIDE`.

        Threads may call this at once.
        """
        if image.face is not None:
            return image.face
        if sha256 not in self._known:
            self._known[sha256] = self._look(rgb)
        return self._known[sha256]

    def write(self, file: Path) -> None:
        """Raises :class:`OutputError`."""
        with replacing(file) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for sha256, box in sorted(self._known.items()):
                writer.writerow((sha256, *face_columns(box)))

    def _look(self, rgb: Image.Image) -> Box | None:
        if not hasattr(self._local, "detector"):
            from models.faces.detect import FaceDetector

            self._local.detector = FaceDetector()
        faces = self._local.detector.detect(rgb)
        if not faces or faces[0].side < MIN_SIDE:
            return None
        box: Box = faces[0].box
        return box


def training_crop(
    rgb: Image.Image, face: Box | None, margin: float | None, rng: np.random.Generator
) -> Image.Image:
    """A square around the face as somebody else might have cut it; without a margin the whole picture."""
    if margin is None or face is None:
        return rgb
    factor = float(rng.uniform(*MARGIN_FACTORS))
    right, down = (float(shift) for shift in rng.uniform(-SHIFT, SHIFT, size=2))
    return crop_face(rgb, face_region(face, rgb.size, margin=margin * factor, shift=(right, down)))


def law_crop(rgb: Image.Image, face: Box | None, margin: float | None) -> Image.Image:
    """What the law judges: the face's square, or where there is no margin the whole picture."""
    if margin is None or face is None:
        return rgb
    return crop_face(rgb, face_region(face, rgb.size, margin=margin))


def _read(file: Path) -> Mapping[str, Box | None]:
    known: dict[str, Box | None] = {}
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                known[row["sha256"]] = face_of(row)
    except (OSError, ValueError, KeyError, csv.Error):
        return {}  # it holds nothing that cannot be found again
    return known

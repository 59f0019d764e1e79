"""What a model's metadata says of the faces that it was trained on."""

from __future__ import annotations

from typing import Any

from models.faces.crop import MIN_SIDE
from models.faces.detect import LEAST_SCORE
from models.faces.yunet import DETECTOR


def face_law(margin: float) -> dict[str, Any]:
    """The entry ``faces`` of a model of preprocessing version 2 (docs/model-contract.md)."""
    return {
        "detector": DETECTOR.name,
        "detector_sha256": DETECTOR.sha256,
        "least_score": LEAST_SCORE,
        "margin": margin,
        "min_side": MIN_SIDE,
    }

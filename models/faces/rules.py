"""What a scan may ask of the faces that are judged, where the law leaves it open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.faces.crop import MIN_SIDE


class NoFace(StrEnum):
    """What becomes of a picture without a face that is judged."""

    SKIP = "skip"
    WHOLE = "whole"
    """It is judged whole, as version 1 of the preprocessing sees it."""


@dataclass(frozen=True)
class FaceRules:
    """The defaults are the law's own. Raises ``ValueError`` for faces smaller than any model was trained on."""

    min_face: int = MIN_SIDE
    """Of the longer side of a face's box, in the file's own pixels; smaller ones are not judged."""
    no_face: NoFace = NoFace.SKIP

    def __post_init__(self) -> None:
        if self.min_face < MIN_SIDE:
            raise ValueError(f"no model was trained on faces below {MIN_SIDE} pixels")


LAWS_OWN = FaceRules()

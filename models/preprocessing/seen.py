"""What a law makes of a picture: the squares that are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from PIL import Image

from models.contract import InputSpec
from models.faces.face import Unjudged
from models.faces.rules import LAWS_OWN, FaceRules
from models.preprocessing.errors import ImageFacts

Fractions = tuple[float, float, float, float]
WHOLE: Fractions = (0.0, 0.0, 1.0, 1.0)


class Crop(NamedTuple):
    """One square."""

    pixels: bytes
    """Of ``uint8[size, size, 3]``, row by row. No array: a process without numpy starts in half the time."""
    region: Fractions = WHOLE
    """Left, top, right, bottom of the upright picture, as fractions of its width and height."""
    face: float | None = None
    """How sure the face detector is, 0 to 1; ``None`` where no face was looked for."""
    box: Fractions = WHOLE
    """Of the face itself, which may reach beyond the picture: what is compared from frame to frame."""


class UnjudgedFace(NamedTuple):
    """One that was found and has no crop."""

    region: Fractions
    """The square that its crop would have."""
    side: int
    """The longer side of its box in whole pixels of the file, rounded down."""
    face: float
    """How sure the face detector is, 0 to 1."""
    why: Unjudged


@dataclass(frozen=True)
class Seen:
    """What became of a file."""

    crops: tuple[Crop, ...]
    facts: ImageFacts
    faces: int | None = None
    """How many of the crops are faces; ``None`` where none were looked for."""
    unjudged: tuple[UnjudgedFace, ...] = ()
    """The largest first."""


class OfFile(Protocol):
    """From a file's bytes to what is judged."""

    def __call__(
        self,
        data: bytes,
        spec: InputSpec,
        max_pixels: int,
        faces: FaceRules = LAWS_OWN,
        max_faces: int | None = None,
        /,
    ) -> Seen:
        """``max_pixels``: of width × height as stored. ``max_faces``: the largest are judged, ``None`` for all. It and
        ``faces`` say nothing to laws of whole pictures."""
        ...


class SeenFrame(NamedTuple):
    """What became of one picture of several; both may be empty."""

    crops: tuple[Crop, ...]
    unjudged: tuple[UnjudgedFace, ...] = ()
    """The largest first."""


class OfFrame(Protocol):
    """From an upright RGB picture in its full size to what is judged."""

    def __call__(
        self, rgb: Image.Image, spec: InputSpec, faces: FaceRules = LAWS_OWN, max_faces: int | None = None, /
    ) -> SeenFrame:
        """As :class:`OfFile`, but a picture without a face is never taken whole, and no error either."""
        ...


class Law(NamedTuple):
    """One version of the preprocessing. It raises :class:`models.preprocessing.ImageError`, and nothing else."""

    of_file: OfFile
    of_picture: Callable[[Image.Image, InputSpec], tuple[Crop, ...]]
    """From an upright RGB picture, such as one that was degraded."""
    of_frame: OfFrame
    """From an upright RGB picture of a film, or of another file with several."""
    prepare: Callable[[], object] = lambda: None
    """Load what a process needs for all pictures, before any of them is limited in time and memory."""

"""Decode every image once before hours are spent on some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from PIL import Image

from models.preprocessing import ImageError, decode_image
from train.datasets.faces import FaceList, law_crop
from train.datasets.leakage import Fingerprint, fingerprint
from train.datasets.looks import measure
from train.datasets.tree import LabelledImage


@dataclass
class Checked:
    """What a first look at images gave."""

    good: list[LabelledImage] = field(default_factory=list)
    """With their look and, if faces were asked for, their face."""
    bad: list[tuple[LabelledImage, str]] = field(default_factory=list)
    """Images that cannot be used, with the reason."""
    prints: dict[str, Fingerprint] = field(default_factory=dict)
    """Of the good ones, by relative path."""


Keep = Callable[[LabelledImage, Image.Image], object]

NO_FACE = "no_face: the detector found none that is large enough"


@dataclass(frozen=True)
class Inspection:
    """How images are looked at before a run."""

    keep: Keep = lambda image, rgb: None
    """Given each picture, in any thread."""
    faces: FaceList | None = None
    """Where faces are; ``None``: whole pictures are judged."""
    margin: float | None = None

    def __call__(self, image: LabelledImage) -> tuple[LabelledImage, Fingerprint] | str:
        """The image as the run takes it and its fingerprint, or why it cannot be used."""
        try:
            data = image.path.read_bytes()
            rgb = decode_image(data).rgb
        except ImageError as error:
            return str(error)
        except OSError as error:
            return f"{type(error).__name__}: {error.strerror}"
        found = fingerprint(data, rgb)
        face = None
        if self.faces is not None:
            face = self.faces.box(image, found.sha256, rgb)
            if face is None:
                return NO_FACE
            # A resumed run reads them back with one decimal, and must cut the same squares.
            face = tuple(round(value, 1) for value in face)  # type: ignore[assignment]
        look = measure(law_crop(rgb, face, self.margin), file_bytes=len(data), pixels=rgb.width * rgb.height)
        self.keep(image, rgb)
        return replace(image, face=face, look=look), found


def check(
    images: Sequence[LabelledImage],
    inspection: Inspection,
    *,
    workers: int,
    done: Callable[[int], object],
) -> Checked:
    """Inspect all of them; ``done(n)`` is told of progress."""
    checked = Checked()
    # Pillow and onnxruntime release the GIL while they work, so threads do.
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for image, found in zip(images, pool.map(inspection, images), strict=True):
            if isinstance(found, str):
                checked.bad.append((image, found))
            else:
                checked.good.append(found[0])
                checked.prints[image.relative] = found[1]
            done(1)
    return checked

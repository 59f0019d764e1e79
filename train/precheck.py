"""Decode every image once before hours are spent on some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from PIL import Image

from models.preprocessing import ImageError, decode_image
from train.data import LabelledImage
from train.leakage import Fingerprint, fingerprint


@dataclass
class Checked:
    """What a first look at images gave."""

    good: list[LabelledImage] = field(default_factory=list)
    bad: list[tuple[LabelledImage, str]] = field(default_factory=list)
    """Images that cannot be used, with the reason."""
    prints: dict[str, Fingerprint] = field(default_factory=dict)
    """Of the good ones, by relative path."""


Keep = Callable[[LabelledImage, Image.Image], object]


def look(image: LabelledImage, keep: Keep = lambda image, rgb: None) -> Fingerprint | str:
    """The image's fingerprint, or why it cannot be used; ``keep`` is given the picture."""
    try:
        data = image.path.read_bytes()
        rgb = decode_image(data).rgb
        keep(image, rgb)
        return fingerprint(data, rgb)
    except ImageError as error:
        return str(error)
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}"


def check(
    images: Sequence[LabelledImage],
    *,
    workers: int,
    done: Callable[[int], object],
    keep: Keep = lambda image, rgb: None,
) -> Checked:
    """Decode all of them; ``done(n)`` is told of progress, ``keep`` of each picture, in any thread."""
    checked = Checked()
    # Pillow releases the GIL while it decodes, so threads do.
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for image, found in zip(images, pool.map(partial(look, keep=keep), images), strict=True):
            if isinstance(found, str):
                checked.bad.append((image, found))
            else:
                checked.good.append(image)
                checked.prints[image.relative] = found
            done(1)
    return checked

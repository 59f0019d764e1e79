"""Decode every image once before hours are spent on some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from models.preprocessing import ImageError, decode_image
from train.data import LabelledImage


def unreadable_reason(image: LabelledImage) -> str | None:
    """Why an image cannot be used, ``None`` if it can."""
    try:
        decode_image(image.path.read_bytes())
    except ImageError as error:
        return str(error)
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}"
    return None


def split_readable(
    images: Sequence[LabelledImage], *, workers: int, done: Callable[[int], None]
) -> tuple[list[LabelledImage], list[tuple[LabelledImage, str]]]:
    """The images that decode, and those that do not with the reason; ``done(n)`` is told of progress."""
    good: list[LabelledImage] = []
    bad: list[tuple[LabelledImage, str]] = []
    # Pillow releases the GIL while it decodes, so threads do.
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for image, reason in zip(images, pool.map(unreadable_reason, images, chunksize=1), strict=True):
            if reason is None:
                good.append(image)
            else:
                bad.append((image, reason))
            done(1)
    return good, bad

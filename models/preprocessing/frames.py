"""The frames of animations and the pages of TIFFs, one after another, each as the law decodes a first one.

Layouts are refused as the law refuses them; frames behind an animation's first are as Pillow puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, ImageFile

from models.error_codes import ErrorCode
from models.preprocessing import formats
from models.preprocessing.errors import ImageError, Refusal
from models.preprocessing.openers import format_of, opened
from models.preprocessing.upright import checked_size, upright_rgb

ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")
PAGES = ("TIFF",)
SEVERAL = ANIMATIONS + PAGES
"""Pillow's names of the formats whose frames are pictures of their own; behind the first of an MPO come previews and
maps."""


class Frame(NamedTuple):
    """One that was decoded, or why it was not."""

    number: int
    rgb: Image.Image | None
    """Upright, in its full size."""
    seconds: float | None = None
    """When it is shown, from the start; ``None`` for pages."""
    problem: ImageError | None = None


def frames_of(data: bytes, first: int, behind: int, max_pixels: int) -> Iterator[Frame]:
    """Frames ``first`` up to ``behind``, from 0. Raises :class:`ImageError` for a file that cannot be opened."""
    format = format_of(data)
    is_animation = format in ANIMATIONS
    try:
        image = opened(format, data)
        # Of an animation the layout is the first frame's; each page has its own.
        image = formats.checked(format, image, data) if is_animation else image
    except Exception as error:  # noqa: BLE001 - on damaged bytes Pillow's decoders raise whatever they run into
        raise _problem(error, format) from None
    with image:
        milliseconds = 0.0
        # An animation's frame is made of those before it.
        for number in range(0 if is_animation else first, behind):
            problem, rgb = None, None
            try:
                image.seek(number)
                if number >= first:
                    rgb = upright_rgb(_checked(image, format, data, max_pixels))
                elif is_animation:
                    image.load()
            except Exception as error:  # noqa: BLE001 - as above
                problem = _problem(error, format)
            if number >= first:
                yield Frame(number, rgb, milliseconds / 1000 if is_animation else None, problem)
            if is_animation:
                milliseconds += _duration(image)


def _checked(image: ImageFile.ImageFile, format: str, data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    checked_size(image, max_pixels)
    return formats.checked(format, image, data) if format in PAGES else image


def _duration(image: ImageFile.ImageFile) -> float:
    """Of the frame in hand, in milliseconds."""
    value = image.info.get("duration")
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def _problem(error: Exception, format: str) -> ImageError:
    match error:
        case ImageError():
            return error
        case Refusal():
            return ImageError(error.code, error.detail, format=format)
        case Image.DecompressionBombError():
            return ImageError(ErrorCode.TOO_MANY_PIXELS, str(error), format=format)
        case MemoryError():
            return ImageError(ErrorCode.OUT_OF_MEMORY, "not enough memory to decode", format=format)
    return ImageError(ErrorCode.CORRUPT_IMAGE, f"{type(error).__name__}: {error}", format=format)

"""GIF: palettes and frames that do not cover the screen. Source: GIF89a, sections 18 to 20."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import GifImagePlugin, ImageFile

from models.preprocessing.errors import Refusal, unsupported_mode
from models.preprocessing.formats import Bare


def checked(image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """Pillow gives a frame whose own palette is a grey ramp the palette of the file, and takes colour 0 of the frame's
    palette for the screen around a frame."""
    assert isinstance(image, GifImagePlugin.GifImageFile)
    if image.mode == "L":
        image.palette = None
    around = image.tile[0].extents != (0, 0, *image.size)
    if around and "transparency" not in image.info and not _around_is_colour_0(image, data):
        raise unsupported_mode("a GIF whose first frame leaves a part of the screen open")
    return image


def _around_is_colour_0(image: GifImagePlugin.GifImageFile, data: bytes) -> bool:
    """Whether Pillow's colour is the file's background colour."""
    has_palette, background = data[10] & 0x80, data[11]
    own, of_file = (one and bytes(one.palette or b"") for one in (image.palette, image.global_palette))
    return bool(has_palette) and background == 0 and own == of_file


def size(data: bytes) -> tuple[int, int] | None:
    """Of the screen."""
    return struct.unpack_from("<HH", data, 6) if len(data) >= 10 else None


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """None: every GIF can be read."""
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """None: comments are skipped by their length."""
    return iter(())

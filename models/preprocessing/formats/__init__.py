"""What is special of each format, one file each; loaded when a file of the format is first met.

:func:`of_format` gives a module that has the functions of :class:`FormatRules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from PIL import ImageFile

from models.preprocessing.errors import Refusal

_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "PSD", "HEIF")
_CHECKED = frozenset({"PNG", "GIF", "BMP", "TIFF", "PSD"})
"""Formats with layouts that Pillow opens and misreads."""


class Bare(NamedTuple):
    """The same picture without some of its metadata."""

    data: bytes
    all_frames: bool
    """Whether frames behind the first are still there."""


class FormatRules(Protocol):
    """The functions of a module of this package."""

    def checked(self, image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
        """The opened picture, mended where Pillow would misread it. Raises :class:`Refusal` where it cannot be.

        Only of formats in ``_CHECKED``.
        """

    def size(self, data: bytes) -> tuple[int, int] | None:
        """Width and height by the header alone, as stored; ``None`` if they are not to be found."""

    def refusal(self, data: bytes, error: Exception) -> Refusal | None:
        """Why a file failed that is sound, asked after ``error``; ``None`` for a damaged one. May raise anything."""

    def without_metadata(self, data: bytes) -> Iterator[Bare]:
        """The picture with less and less beside its pixels, for one more try after an error. May raise anything."""


@cache
def of_format(name: str) -> FormatRules:
    """The rules of a format by its name; MPO is a JPEG."""
    assert name in _FORMATS
    return cast(FormatRules, import_module(f"models.preprocessing.formats.{name.lower()}"))


def checked(name: str, image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """:meth:`FormatRules.checked` for the formats that have it; the others as they are."""
    return of_format(name).checked(image, data) if name in _CHECKED else image


def heif_size(data: bytes, upright: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a HEIF as stored: Pillow is only given those that it has upright."""
    from models.preprocessing.formats import heif

    return heif.stored(data, upright)

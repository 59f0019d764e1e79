"""The laws from bytes to pixels, side by side: a model names the one that it was trained with."""

from __future__ import annotations

from collections.abc import Callable

from models.contract import InputSpec
from models.preprocessing import v1
from models.preprocessing.errors import ImageFacts

Law = Callable[[bytes, int, int], tuple[bytes, ImageFacts]]
"""``(data, size, max_pixels)`` → ``uint8[size, size, 3]`` as bytes, row by row, and the file's facts.

Raises :class:`models.preprocessing.ImageError`, and nothing else, whatever the bytes are.
"""

LAWS: dict[int, Law] = {1: v1.whole_picture}
"""By version. A law is never changed: a report must be repeatable with last year's model."""


def law_of(spec: InputSpec) -> Law:
    """Raises ``KeyError`` for a version that this release does not have; a model that names one is not loaded."""
    return LAWS[spec.law]

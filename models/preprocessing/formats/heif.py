"""HEIF: HEIC and its kin. Sources: ISO/IEC 23008-12, 14496-12.

libheif turns the picture as the file's own transformations say; EXIF's orientation tells the same once more and is to
be left aside (23008-12, A.2.1), which pi-heif does by setting it to 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.preprocessing.errors import Refusal, unsupported_format
from models.preprocessing.formats import Bare
from models.preprocessing.formats.avif import size as size
from models.preprocessing.formats.avif import sizes

_HEVC = (b"hvc1", b"hev1")
"""Types of items, or of samples, that libheif decodes here."""


def stored(data: bytes, upright: tuple[int, int]) -> tuple[int, int]:
    """Width and height before the file's own transformations; tiles may be larger than the picture."""
    as_said = sizes(data)
    turned = upright[::-1]
    return turned if turned in as_said and upright not in as_said else upright


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """Other codings than HEVC, of which the family has several."""
    if b"infe" in data and not any(kind in data for kind in _HEVC):
        return unsupported_format("a HEIF file whose pictures are coded in a way that is not decoded")
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """None: the library leaves it aside."""
    return iter(())

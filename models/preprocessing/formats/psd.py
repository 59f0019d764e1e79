"""PSD: the merged picture, where there is one. Source: Adobe Photoshop File Formats Specification, 2019."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import ImageFile

from models.preprocessing.errors import Refusal, unsupported_format, unsupported_mode
from models.preprocessing.formats import Bare

_VERSION_INFO = 0x0421
_MODES = {
    0: "bitmap",
    1: "grey",
    2: "indexed",
    3: "RGB",
    4: "CMYK",
    7: "multichannel",
    8: "duotone",
    9: "Lab",
}
_READ = frozenset({(0, 1), (0, 8), (1, 8), (2, 8), (3, 8), (4, 8), (8, 8), (9, 8)})
"""Pillow's pairs of mode and bits, but for multichannel, of which it gives the first ink for grey."""


def checked(image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """Without the channel that Pillow takes for alpha, where it is a stored selection.

    Raises :class:`Refusal` where the merged picture is missing, which would be white.
    """
    if (refused := _of_header(data)) is not None:
        raise refused
    layers = _layer_count(data)
    if not _has_merged(image, layers):
        raise unsupported_format(
            "a PSD without the merged picture, which Photoshop leaves out unless told to maximize compatibility"
        )
    if image.mode == "RGBA" and layers >= 0:
        image._mode = "RGB"  # the only way to open it without its fourth channel
        image.tile = image.tile[:3]
    return image


def size(data: bytes) -> tuple[int, int] | None:
    """By the header."""
    height, width = struct.unpack_from(">II", data, 14)
    return width, height


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """Large documents (PSB), and kinds of pixels that Pillow does not open."""
    return _of_header(data)


def without_metadata(data: bytes) -> Iterator[Bare]:
    """None: what precedes the pixels must be passed over to find them."""
    return iter(())


def _of_header(data: bytes) -> Refusal | None:
    version, bits, mode = (*struct.unpack_from(">H", data, 4), *struct.unpack_from(">HH", data, 22))
    if version == 2:
        return unsupported_format("a PSB, a PSD for large documents")
    if mode in _MODES and (mode, bits) not in _READ:
        return unsupported_mode(f"a PSD of {_MODES[mode]} pixels with {bits} bits a channel")
    return None


def _has_merged(image: ImageFile.ImageFile, layers: int) -> bool:
    for number, _, content in getattr(image, "resources", ()):
        if number == _VERSION_INFO and len(content) > 4:
            return bool(content[4])
    # Older programs do not say; a picture that was never cut into layers is whole.
    return layers == 0


def _layer_count(data: bytes) -> int:
    """Negative where the first channel beyond the colours is the merged picture's alpha."""
    place = 26
    for _ in range(2):  # colours, resources
        place += 4 + int.from_bytes(data[place : place + 4], "big")
    if int.from_bytes(data[place : place + 4], "big") < 6:
        return 0
    if int.from_bytes(data[place + 4 : place + 8], "big") < 2:
        return 0
    return int(struct.unpack_from(">h", data, place + 8)[0])

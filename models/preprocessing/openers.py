"""Which formats may be opened, and the opener that knows a file's signature."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from PIL import Image, ImageFile

from models.bmff_brands import is_heif
from models.error_codes import ErrorCode
from models.filetypes import HEAD_BYTES
from models.preprocessing import raw
from models.preprocessing.codecs import codec
from models.preprocessing.errors import ImageError
from models.raw_types import is_raw

DECODED_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "PSD", "HEIF", "RAW")
"""Pillow's names of the formats that may be opened, and our one for RAW; EPS, which runs Ghostscript, must not be."""

_OPENERS = {
    "JPEG": "JpegImagePlugin",  # of MPO files, too, for which Pillow registers none
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
    "PSD": "PsdImagePlugin",
}
"""Pillow's modules by format, in the order in which they are asked. Each is loaded when first needed, and no other
ever is: ``Image.init()`` would load forty."""
HEIF = "HEIF"
"""HEIC and its kin, by an extra."""
_SIGNATURE_BYTES = 16


def format_of(data: bytes) -> str:
    """The format whose signature ``data`` begins with. Raises :class:`ImageError`."""
    if not data:
        raise ImageError(ErrorCode.EMPTY_FILE, "the file has no bytes")
    if is_heif(data[:HEAD_BYTES]):
        _heif()
        return HEIF
    if is_raw(data):
        raw.library()
        return raw.RAW
    for name in _OPENERS:
        _, accepts = _registered(name)
        known = accepts(data[:_SIGNATURE_BYTES]) if accepts is not None else True
        if isinstance(known, str):  # Pillow was built without this format's library
            detail = f"the installed Pillow was built without {name}; install one that has it"
            raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, detail, format=name)
        if known:
            return name
    raise ImageError(ErrorCode.NOT_AN_IMAGE, "no known image format in these bytes")


def opened(name: str, data: bytes) -> ImageFile.ImageFile:
    """The file's header, read by the opener of a format.

    ``Image.open(formats=…)`` does the same, but forgets an opener's reason and, above its process-wide limit,
    the picture's size; both belong in the report.
    """
    opener = _heif().HeifImageFile if name == HEIF else _registered(name)[0]
    image: ImageFile.ImageFile = opener(io.BytesIO(data), "")
    return image


def _registered(name: str) -> tuple[Callable[..., Any], Callable[[bytes], bool | str] | None]:
    """What Pillow knows of a format: what opens it, and what knows its signature."""
    if name not in Image.OPEN:
        import_module(f"PIL.{_OPENERS[name]}")
    return Image.OPEN[name]


def _heif() -> ModuleType:
    """What opens HEIF, which is never registered with Pillow. Raises :class:`ImageError` where it is not there."""
    library, plugin = codec("heic", "pi_heif", "pi_heif.as_plugin", needed_by="a HEIC picture")
    options = library.options
    # One thread, since limits are a process's; and nothing beside the picture.
    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.AUX_IMAGES = options.DEPTH_IMAGES = False
    return plugin

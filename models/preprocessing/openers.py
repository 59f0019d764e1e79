"""Which formats may be opened, and the opener that knows a file's signature."""

from __future__ import annotations

import io
from importlib import import_module

from PIL import Image, ImageFile

from models.error_codes import ErrorCode
from models.preprocessing.errors import ImageError

DECODED_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF")
"""Pillow's names of the formats that may be opened; EPS, which runs Ghostscript, is one that must not."""

_OPENERS = {
    "JPEG": "JpegImagePlugin",  # of MPO files, too, for which Pillow registers none
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
}
"""Pillow's modules by format, in the order in which they are asked. Each is loaded when first needed, and no other
ever is: ``Image.init()`` would load forty."""
_SIGNATURE_BYTES = 16


def format_of(data: bytes) -> str:
    """The format whose signature ``data`` begins with: a key of ``_OPENERS``. Raises :class:`ImageError`."""
    if not data:
        raise ImageError(ErrorCode.EMPTY_FILE, "the file has no bytes")
    for name, module in _OPENERS.items():
        if name not in Image.OPEN:
            import_module(f"PIL.{module}")
        _, accepts = Image.OPEN[name]
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
    opener, _ = Image.OPEN[name]
    return opener(io.BytesIO(data), "")

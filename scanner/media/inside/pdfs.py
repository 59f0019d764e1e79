"""The pictures in a PDF by PDFium: a JPEG as the bytes that are embedded, of others the pixels; never a rendering.

A picture that is shown several times is one member, named after its first page.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, BinaryIO

from models.support.dependencies import require_extra
from scanner.media.file import MediaError
from scanner.media.inside.budget import Budget
from scanner.media.inside.entry import Entry
from scanner.results import ErrorCode

_JPEG = "DCTDecode"
_MAX_PIXELS = 178_956_970


def pdf_entries(stream: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """Page by page. Raises :class:`MediaError`, ``MissingExtra`` and what pypdfium2 raises."""
    pdfium, raw = require_extra("documents", ["pypdfium2", "pypdfium2.raw"], needed_by="a PDF")
    try:
        document = pdfium.PdfDocument(stream)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise MediaError(ErrorCode.ENCRYPTED, "it needs a password") from None
        raise
    seen: set[bytes] = set()
    try:
        for number in range(len(document)):
            budget.check_time()
            page = document[number]
            count = 0
            for image in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]):
                budget.entry()
                stored = bytes(image.get_data(decode_simple=False))
                digest = sha256(stored).digest()
                if digest in seen or not stored:
                    continue
                seen.add(digest)
                budget.unpack(len(stored))
                count += 1
                suffix, content = _content(image, stored)
                name = f"page-{number + 1}/image-{count}.{suffix}"
                yield Entry(name, content, is_charged=True)
            page.close()
    finally:
        document.close()


def _content(image: Any, stored: bytes) -> tuple[str, Callable[[], BinaryIO]]:
    filters = image.get_filters()
    if filters == [_JPEG]:
        return "jpg", lambda: io.BytesIO(stored)
    if filters and filters[-1] == _JPEG:
        return "jpg", lambda: io.BytesIO(bytes(image.get_data(decode_simple=True)))
    return "bmp", lambda: _pixels(image)


def _pixels(image: Any) -> BinaryIO:
    """As a bitmap, whose bytes follow from the pixels alone."""
    width, height = image.get_px_size()
    if width * height > _MAX_PIXELS:
        raise MediaError(ErrorCode.TOO_MANY_PIXELS, f"{width}×{height} pixels")
    bitmap = image.get_bitmap(render=False)
    out = io.BytesIO()
    bitmap.to_pil().convert("RGB").save(out, "BMP")
    bitmap.close()
    out.seek(0)
    return out

"""On a decoder's ``PYTHONPATH``: JPEGs are decoded at their full size, as if Pillow had no ``draft``.

``BENCH_FULL_DECODING`` names a file that is made as soon as a picture was decoded so.
"""

import os

if mark := os.environ.get("BENCH_FULL_DECODING"):
    from pathlib import Path

    from PIL import JpegImagePlugin

    _MARK = Path(mark)

    def _no_draft(self: object, mode: object, size: object) -> None:
        _MARK.touch()

    JpegImagePlugin.JpegImageFile.draft = _no_draft  # type: ignore[method-assign]

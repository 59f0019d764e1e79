"""Pictures for the page: decoded where every hostile file is decoded, and made anew from the pixels.

A browser is never handed a file's own bytes.
"""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from models.contract import InputSpec
from models.preprocessing.laws import DISPLAY
from models.support.errors import Failure
from scanner.media import Limits
from scanner.media.opener import Picture
from scanner.results import ErrorCode
from scanner.results.names import decode_path
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted
from scanner.sources import Candidate, MediaKind

EDGE = 1024
"""Of the longer side of what is shown."""
QUALITY = 88
KEPT = 8


class Shown(NamedTuple):
    """A picture, or why there is none."""

    jpeg: bytes | None
    problem: str = ""
    width: int = 0
    height: int = 0


class Pictures:
    """One decoder, which is kept. Close it, or use it in a ``with``."""

    def __init__(self, root: Path, limits: Limits, *, redacted: bool = False) -> None:
        """``root``: the folder in which the scan was started, as paths of a report are relative to it."""
        self._root, self._limits, self._redacted = root, limits, redacted
        self._lock = threading.Lock()
        self._pool: DecodePool | None = None
        self._kept: OrderedDict[tuple[str, int], Shown] = OrderedDict()

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._end_pool()

    def show(self, names: Iterable[str], sha256: str, frame: int = 0) -> Shown:
        """The first of a content's files, by their names in the report, that still holds it.

        ``frame``: which of moving pictures.
        """
        with self._lock:
            if (known := self._kept.get((sha256, frame))) is not None:
                return known
            shown = Shown(None, "no file of the report has this content")
            for name in names:
                shown = self._file(name, sha256, frame)
                if shown.jpeg is not None:
                    self._keep((sha256, frame), shown)
                    break
            return shown

    def overlay(self, path: Path) -> Shown:
        """A heat map, decoded as carefully as evidence: whoever can write to its folder could put anything there."""
        with self._lock:
            return self._decoded(str(path), path.name, None, 0)

    def _file(self, name: str, sha256: str, frame: int) -> Shown:
        if self._redacted:
            return Shown(
                None,
                "names in this report are redacted, so its files cannot be found: review the true report",
            )
        try:
            path = os.path.join(self._root, decode_path(name))  # noqa: PTH118 - paths stay strings as typed
        except ValueError:
            return Shown(None, "the report's name for this file is damaged")
        return self._decoded(path, name, sha256, frame)

    def _decoded(self, path: str, name: str, sha256: str | None, frame: int) -> Shown:
        candidate = Candidate(path, name, MediaKind.IMAGE, explicit=True)
        try:
            seen, picture = self._seen(candidate, frame)
        except Failure as error:
            self._end_pool()
            return Shown(None, str(error))
        result = seen.result
        if result.error is ErrorCode.NOT_FOUND:
            return Shown(
                None,
                "missing: the file is no longer there, or the review was started in another folder (--root)",
            )
        if sha256 is not None and result.sha256 not in (None, sha256):
            return Shown(None, f"changed since the scan: its SHA-256 is now {result.sha256}")
        if picture is None or (sha256 is not None and result.sha256 is None):
            code = "no picture in it" if result.error is None else result.error.value
            return Shown(None, f"cannot be shown: {code}")
        return _jpeg(picture)

    def _seen(self, candidate: Candidate, frame: int) -> tuple[Extracted, Picture | None]:
        if self._pool is None:
            self._pool = DecodePool(1, self._limits, InputSpec(DISPLAY, EDGE))
        first: tuple[Extracted, Picture] | None = None
        seen: Extracted | None = None
        for seen in self._pool.decode([candidate]):
            for picture in seen.pictures:
                first = first or (seen, picture)
                if seen.parts is not None and picture.where.frame == frame:
                    self._end_pool()  # what is left of the file need not be decoded
                    return seen, picture
        if seen is None:
            raise AssertionError("every candidate gives a result")
        return first or (seen, None)

    def _end_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _keep(self, key: tuple[str, int], shown: Shown) -> None:
        self._kept[key] = shown
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _jpeg(picture: Picture) -> Shown:
    from PIL import Image

    filled = picture.where.region
    size = (max(1, round(filled.right * EDGE)), max(1, round(filled.bottom * EDGE)))
    image = Image.frombytes("RGB", (EDGE, EDGE), picture.pixels).crop((0, 0, *size))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return Shown(out.getvalue(), "", *size)

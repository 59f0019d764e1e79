"""Pictures for the page: decoded where every hostile file is decoded, and made anew from the pixels.

A browser is never handed a file's own bytes.
"""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from models.contract import InputSpec
from models.preprocessing.laws import DISPLAY
from models.support.errors import Failure
from scanner.media import Limits
from scanner.media.opener import Picture, Reading
from scanner.media.sequence import PART_FRAMES
from scanner.media.video.plan import part_of_frame
from scanner.results import ErrorCode, FileResult
from scanner.results.names import INSIDE, decode_path
from scanner.results.parts import PartResult
from scanner.results.sampling import FIRST_FRAMES, Sampling
from scanner.review.containers import GONE, Container, closed
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted
from scanner.sources import Candidate, MediaKind

EDGE = 1024
"""Of the longer side of what is shown."""
QUALITY = 88
KEPT = 8
MISSING = "missing: the file is no longer there, or the review was started in another folder (--root)"


class Shown(NamedTuple):
    """A picture, or why there is none."""

    jpeg: bytes | None
    problem: str = ""
    width: int = 0
    height: int = 0


class At(NamedTuple):
    """Which picture of a file."""

    frame: int = 0
    """As findings number it."""
    seconds: float | None = None
    """Of a film."""
    parts: int = 0
    """Of a file of several parts."""

    def part(self, sampling: Sampling) -> int:
        """The one that holds the frame. Raises ``ValueError`` for a frame that ``sampling`` does not give."""
        return (
            self.frame // PART_FRAMES
            if self.seconds is None
            else part_of_frame(self.seconds, sampling, self.frame)
        )


class Pictures:
    """One decoder, which is kept. Close it, or use it in a ``with``."""

    def __init__(
        self, root: Path, limits: Limits, *, sampling: Sampling = FIRST_FRAMES, redacted: bool = False
    ) -> None:
        """``root``: the folder in which the scan was started, as paths of a report are relative to it; ``sampling``:
        the scan's."""
        self._root, self._redacted = root, redacted
        # The page then says of a film that it is unsupported_media.
        readable = replace(sampling, video=sampling.video and find_spec("av") is not None)
        self._reading = Reading(limits, InputSpec(DISPLAY, EDGE), sampling=readable)
        self._at = At()
        self._lock = threading.Lock()
        self._pool: DecodePool | None = None
        self._last: tuple[str, Container] | None = None
        self._kept: OrderedDict[tuple[str, At], Shown] = OrderedDict()

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._end_pool()

    def show(self, names: Iterable[str], sha256: str, at: At = At()) -> Shown:  # noqa: B008 - never changed
        """The first of a content's files, by their names in the report, that still holds it."""
        with self._lock:
            if (known := self._kept.get((sha256, at))) is not None:
                return known
            self._at = at
            shown = Shown(None, "no file of the report has this content")
            for name in names:
                shown = self._guarded(self._named, name, sha256)
                if shown.jpeg is not None:
                    self._keep((sha256, at), shown)
                    break
            return shown

    def overlay(self, path: Path) -> Shown:
        """A heat map, decoded as carefully as evidence: whoever can write to its folder could put anything there."""
        with self._lock:
            self._at = At()
            return self._guarded(self._decoded, _candidate(str(path), path.name), None)

    def _guarded(self, work: Callable[..., Shown], *arguments: object) -> Shown:
        try:
            return work(*arguments)
        except Failure as error:
            self._end_pool()
            return Shown(None, str(error))

    def _named(self, name: str, sha256: str) -> Shown:
        if self._redacted:
            return Shown(
                None,
                "names in this report are redacted, so its files cannot be found: review the true report",
            )
        try:
            place = decode_path(name)
        except ValueError:
            return Shown(None, "the report's name for this file is damaged")
        path = os.path.join(self._root, place)  # noqa: PTH118 - paths stay strings as typed
        if place.members:
            return self._member(path, name, sha256)
        return self._decoded(_candidate(path, name), sha256)

    def _member(self, path: str, name: str, sha256: str) -> Shown:
        container = self._container(path, name.split(INSIDE)[0])
        if container.own.error is ErrorCode.NOT_FOUND:
            return Shown(None, MISSING)
        shown = Shown(None, GONE)
        if (why := container.why_not(name)) is not None:
            shown = Shown(None, f"cannot be shown: {why[0].value} ({why[1]})")
        for candidate in container.members.get(name, ()):
            shown = self._decoded(candidate, sha256)
            if shown.jpeg is not None:
                break
        return shown

    def _container(self, path: str, name: str) -> Container:
        """The last one is kept: pictures of one container often come one after another."""
        if self._last is None or self._last[0] != path or not self._last[1].is_still(path):
            self._last = path, Container.look_into(_candidate(path, name), self._decoders())
        return self._last[1]

    def _decoded(self, candidate: Candidate, sha256: str | None) -> Shown:
        seen, picture = self._seen(candidate)
        result = seen.result
        if result.error is ErrorCode.NOT_FOUND:
            return Shown(None, MISSING)
        if sha256 is not None and result.sha256 not in (None, sha256):
            return Shown(None, f"changed since the scan: its SHA-256 is now {result.sha256}")
        if picture is None or (sha256 is not None and result.sha256 is None):
            code = "no picture in it" if result.error is None else result.error.value
            return Shown(None, f"cannot be shown: {code}")
        return _jpeg(picture)

    def _seen(self, candidate: Candidate) -> tuple[Extracted, Picture | None]:
        # What has become a container is not shown: none of its members is opened.
        seen = list(self._decoders().decode([candidate], closed))
        pictures = [picture for one in seen for picture in one.pictures]
        wanted = [one for one in pictures if one.where.frame == self._at.frame]
        return seen[-1], next(iter(wanted or pictures), None)

    def _decoders(self) -> DecodePool:
        if self._pool is None:
            self._pool = DecodePool(1, self._reading, known_parts=self._other_parts)
        return self._pool

    def _other_parts(self, result: FileResult) -> dict[int, PartResult]:
        """Those that need not be decoded."""
        try:
            wanted = self._at.part(self._reading.sampling)
        except ValueError:  # another sampling than the report's: its beginning is shown
            wanted = 0
        return {index: PartResult() for index in range(self._at.parts) if index != wanted}

    def _end_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _keep(self, key: tuple[str, At], shown: Shown) -> None:
        self._kept[key] = shown
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _candidate(path: str, name: str) -> Candidate:
    return Candidate(path, name, MediaKind.IMAGE, explicit=True)


def _jpeg(picture: Picture) -> Shown:
    from PIL import Image

    filled = picture.where.region
    size = (max(1, round(filled.right * EDGE)), max(1, round(filled.bottom * EDGE)))
    image = Image.frombytes("RGB", (EDGE, EDGE), picture.pixels).crop((0, 0, *size))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return Shown(out.getvalue(), "", *size)

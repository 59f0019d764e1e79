"""What a scan asks the cache before it works, and tells it afterwards."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from models.error_codes import DependsOn
from scanner.media import Limits
from scanner.memory.cache_store import Entry, Store
from scanner.results import FileResult, RememberedBy, Stamp, Unjudged
from scanner.results.inside import Inside
from scanner.results.record import read_record, record_line
from scanner.sources import Candidate, again

log = logging.getLogger("scanner")

_WRITE_SECONDS = 1.0
_WRITE_ENTRIES = 1000


class Cache:
    """Of one scan. Raises :class:`models.support.errors.OutputError` for a folder that cannot be used."""

    def __init__(
        self,
        folder: Path,
        context: str,
        limits: Limits,
        *,
        rehash: bool = False,
        max_bytes: int,
        warn: Callable[[str], None] = log.warning,
    ) -> None:
        """``warn`` is told when the file was damaged, or does not answer."""
        self._store = Store(folder, max_bytes=max_bytes, warn=warn)
        self._context = sha256(context.encode()).digest()
        self._limits, self._rehash = limits, rehash
        self._new: list[Entry] = []
        self._written = time.monotonic()
        self.hits = 0
        """Results that were not made again."""

    def recall(self, candidate: Candidate) -> FileResult | None:
        """By what the file system says: an unchanged file is not read."""
        if candidate.problem is not None or self._rehash:
            return None
        stamp = Stamp.at(candidate.path)
        if stamp is None or max(stamp) >= 1 << 63 or not stamp.is_settled():
            return None
        digest = self._store.sha256(_place(candidate.path, candidate.inside), stamp)
        known = None if digest is None else self._result(digest)
        if known is None:
            return None
        return replace(known, **_told(candidate, stamp), remembered_by=RememberedBy.CACHE)

    def recognise(self, result: FileResult) -> FileResult | None:
        """By content: a copy, or a file whose times alone changed, is not scored again."""
        if result.sha256 is None:
            return None
        known = self._result(bytes.fromhex(result.sha256))
        if known is None:
            return None
        where: dict[str, Any] = {"container": result.container, "member": result.member}
        return replace(known, path=result.path, stamp=result.stamp, **where)

    def add(self, result: FileResult) -> None:
        """Remember a result, if it is the bytes' own."""
        if result.remembered_by is RememberedBy.CACHE:
            return  # it stands there
        if result.sha256 is None or result.depends_on is not DependsOn.BYTES or result.members is not None:
            return  # a container's row is nothing without those of its members
        if result.credentials is not None and result.credentials.is_of_the_day:
            return  # certificates end
        digest = bytes.fromhex(result.sha256)
        record = record_line(replace(result, path="", stamp=None, container=None, member=None))
        candidate = again(result)
        place = _place(candidate.path, candidate.inside)
        self._new.append(Entry(self._key(digest), record, place, result.stamp, digest))
        if len(self._new) >= _WRITE_ENTRIES or time.monotonic() - self._written > _WRITE_SECONDS:
            self._write()

    def close(self) -> None:
        """Write what is left, and keep to the bound."""
        self._write()
        self._store.shrink()
        self._store.close()

    def _write(self) -> None:
        if self._new:
            self._store.add(self._new)
            self._new.clear()
        self._written = time.monotonic()

    def _result(self, digest: bytes) -> FileResult | None:
        record = self._store.record(self._key(digest))
        if record is None:
            return None
        try:
            result = read_record(record)
        except ValueError:
            return None
        if (result.bytes or 0) > self._limits.max_bytes:
            return None
        if (result.width or 0) * (result.height or 0) > self._limits.max_pixels:
            return None
        if not _within(result, self._limits.max_faces):
            return None
        self.hits += 1
        return result

    def _key(self, digest: bytes) -> bytes:
        return sha256(self._context + digest).digest()


def _within(result: FileResult, max_faces: int) -> bool:
    """Whether a scan with this limit would score the same faces."""
    cut = any(face.reason is Unjudged.BEYOND_MAX_FACES for face in result.unscored_faces)
    if result.coverage is not None:
        # Of several frames, for each of which the limit holds.
        return not cut and max(Counter(one.frame for one in result.findings).values(), default=0) <= max_faces
    scored = result.faces or 0
    return scored == max_faces if cut else scored <= max_faces


def _told(candidate: Candidate, stamp: Stamp) -> dict[str, Any]:
    """What of a result is the place's, and not the bytes'."""
    inside = candidate.inside
    place = {} if inside is None else {"container": inside.container, "member": inside.number}
    return {"path": candidate.name, "stamp": stamp, **place}


def _place(path: str, inside: Inside | None) -> bytes:
    member = b"" if inside is None else f"\0{inside.number}\0{inside.container}".encode()
    return sha256(os.fsencode(os.path.abspath(path)) + member).digest()[:16]  # noqa: PTH100 - links are places, too

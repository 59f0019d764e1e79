"""A file in the hands of an opener: opened once, read-only, and known by what the file system said of it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from scanner.media.limits import Limits
from scanner.results import ErrorCode, Stamp
from scanner.sources import HEAD_BYTES, Candidate, MediaKind, classify, problem_of
from scanner.sources.probe import not_a_file

# Without O_NONBLOCK, opening a FIFO waits for a writer for ever; on regular files it means nothing.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_PIECE = 1 << 20


class MediaError(Exception):
    """Why a file, or a part of it, gives no pictures: the code of its row, and words for the log."""

    def __init__(self, code: ErrorCode, detail: str, size: int | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
        self.size = size
        """In bytes, of a file that is too large."""


@dataclass
class MediaFile:
    """An open regular file."""

    candidate: Candidate
    stream: BinaryIO
    """At the start of the file."""
    kind: MediaKind
    """By name and content."""
    head: bytes
    """The first bytes, as many as :data:`HEAD_BYTES`."""
    size: int
    stamp: Stamp | None
    """``None`` once the file is known to change, or could change unseen."""
    raw_status: os.stat_result
    _outer: BinaryIO | None = None
    """Of a member, the outermost container's stream."""

    @property
    def own_name(self) -> str:
        """By which its kind is known."""
        return self.candidate.own_name

    def read(self, limits: Limits) -> bytes:
        """All of it, at most ``max_bytes``. Raises :class:`MediaError` and ``OSError``."""
        if self.size > limits.max_bytes:
            raise _too_many(self.size, limits)
        # Python allocates what it is asked to read: the file's size, not the limit. One byte more shows a file
        # that is still growing.
        data = self.head + self.stream.read(max(0, self.size + 1 - len(self.head)))
        if len(data) > self.size:
            data += self.stream.read(max(0, limits.max_bytes + 1 - len(data)))
        if len(data) > limits.max_bytes:
            self.stamp = None
            raise _too_many(len(data), limits)
        self.check_unchanged()
        self.size = len(data)
        return data

    def sha256(self, limits: Limits) -> str:
        """Of all of it, which is not kept. Raises like :meth:`read`."""
        if self.size > limits.max_bytes:
            raise _too_many(self.size, limits)
        digest, length = hashlib.sha256(self.head), len(self.head)
        while piece := self.stream.read(_PIECE):
            length += len(piece)
            if length > limits.max_bytes:
                self.stamp = None
                raise _too_many(length, limits)
            digest.update(piece)
        self.check_unchanged()
        self.size = length
        return digest.hexdigest()

    @property
    def status(self) -> Stamp:
        """What the file system said of it when it was opened."""
        return Stamp.of(self.raw_status)

    def check_unchanged(self) -> None:
        """Take the stamp away from a file that was written to since it was opened."""
        if Stamp.of(self.raw_status) != Stamp.of(os.fstat((self._outer or self.stream).fileno())):
            self.stamp = None


@contextmanager
def opened(candidate: Candidate) -> Iterator[MediaFile]:
    """The candidate's file. Raises :class:`MediaError` for one that cannot be opened, or is no regular file.

    An ``OSError`` inside the block, from reading, becomes one, too.
    """
    try:
        descriptor = os.open(candidate.path, _FLAGS)
    except (OSError, ValueError) as error:
        raise MediaError(*problem_of(error)) from None
    try:
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise MediaError(*not_a_file(status.st_mode))
            stamp = Stamp.of(status)
            with os.fdopen(descriptor, "rb", closefd=False) as stream:
                head = stream.read(HEAD_BYTES)
                yield MediaFile(
                    candidate,
                    stream,
                    classify(candidate.path, head),
                    head,
                    status.st_size,
                    stamp if stamp.is_settled() else None,
                    status,
                )
        finally:
            os.close(descriptor)
    except OSError as error:
        raise MediaError(*problem_of(error)) from None


def _too_many(size: int, limits: Limits) -> MediaError:
    detail = f"{size} bytes, the limit is {limits.max_bytes}"
    return MediaError(ErrorCode.TOO_MANY_BYTES, detail, size)

"""From a candidate to pixels, or to a typed failure: one file in, never an exception out."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from models.preprocessing import ImageError, preprocess_bytes
from scanner.media.limits import Limits
from scanner.media.provenance import provenance
from scanner.results import ErrorCode, FileResult, Stamp, Status
from scanner.sources import HEAD_BYTES, Candidate, MediaKind, classify, problem_of
from scanner.sources.pointers import not_fetched
from scanner.sources.probe import not_a_file


@dataclass(frozen=True)
class Decoded:
    """A file's facts so far."""

    result: FileResult
    pixels: bytes | None = None
    """Of ``uint8[260, 260, 3]``, row by row; ``None`` when ``result`` is final.

    No array: a decoder without numpy starts in half the time.
    """


class _Unreadable(Exception):
    def __init__(
        self, code: ErrorCode, detail: str, size: int | None = None, stamp: Stamp | None = None
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.size, self.stamp = code, detail, size, stamp


class _Content(NamedTuple):
    kind: MediaKind
    data: bytes | None
    """All of it; ``None`` for media that are not read."""
    size: int
    stamp: Stamp | None


def decode(candidate: Candidate, limits: Limits) -> Decoded:
    """Read a candidate once, hash and decode the same bytes.

    Whatever the file is, this returns: a failure is a result with an error code.
    """
    if candidate.problem is not None:
        return failed(candidate, candidate.problem, candidate.detail)
    try:
        kind, data, size, stamp = _read(candidate, limits)
    except _Unreadable as error:
        return failed(candidate, error.code, error.detail, bytes_=error.size, stamp=error.stamp)
    except MemoryError:
        return failed(candidate, ErrorCode.OUT_OF_MEMORY, "not enough memory to read")
    if data is None:
        # Not hashed: a video is as large as it is, and nothing is claimed about its content.
        return Decoded(
            FileResult(
                candidate.name,
                Status.SKIPPED,
                ErrorCode.UNSUPPORTED_MEDIA,
                "not a still image",
                bytes=size,
                stamp=stamp,
            )
        )
    sha256, origin = hashlib.sha256(data).hexdigest(), provenance(data)
    if kind in (MediaKind.UNDECODABLE_IMAGE, MediaKind.POINTER):
        return failed(
            candidate,
            *_why_not_decoded(kind, data),
            bytes_=size,
            sha256=sha256,
            stamp=stamp,
            origin=origin,
        )
    try:
        pixels, facts = preprocess_bytes(data, max_pixels=limits.max_pixels)
    except ImageError as error:
        known = error.facts
        return Decoded(
            FileResult(
                candidate.name,
                Status.ERROR,
                ErrorCode(error.code.value),
                error.detail,
                format=error.format,
                width=known.width if known else None,
                height=known.height if known else None,
                bytes=size,
                sha256=sha256,
                provenance=origin,
                stamp=stamp,
            )
        )
    return Decoded(
        FileResult(
            candidate.name,
            Status.OK,
            format=facts.format,
            width=facts.width,
            height=facts.height,
            bytes=size,
            sha256=sha256,
            frames=facts.frames,
            provenance=origin,
            stamp=stamp,
        ),
        pixels,
    )


def _why_not_decoded(kind: MediaKind, data: bytes) -> tuple[ErrorCode, str]:
    if kind is MediaKind.POINTER:
        return ErrorCode.NOT_AN_IMAGE, not_fetched(data[:HEAD_BYTES])
    return ErrorCode.UNSUPPORTED_FORMAT, "an image format that this tool recognises and does not decode"


def failed(
    candidate: Candidate,
    code: ErrorCode,
    detail: str,
    *,
    bytes_: int | None = None,
    sha256: str | None = None,
    stamp: Stamp | None = None,
    origin: str | None = None,
) -> Decoded:
    """The end of a candidate that has no pixels, with what is known of it."""
    return Decoded(
        FileResult(
            candidate.name,
            Status.SKIPPED if code is ErrorCode.EXCLUDED else Status.ERROR,
            code,
            detail,
            bytes=bytes_,
            sha256=sha256,
            provenance=origin,
            stamp=stamp,
        )
    )


def _too_many(size: int, limits: Limits, stamp: Stamp | None) -> _Unreadable:
    detail = f"{size} bytes, the limit is {limits.max_bytes}"
    return _Unreadable(ErrorCode.TOO_MANY_BYTES, detail, size, stamp)


def _read(candidate: Candidate, limits: Limits) -> _Content:
    # Without O_NONBLOCK, opening a FIFO waits for a writer for ever; on regular files it means nothing.
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        descriptor = os.open(candidate.path, flags)
        try:
            return _read_open(candidate, descriptor, limits)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise _Unreadable(*problem_of(error)) from None


def _read_open(candidate: Candidate, descriptor: int, limits: Limits) -> _Content:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _Unreadable(*not_a_file(status.st_mode))
    stamp = Stamp.of(status)
    settled = stamp if stamp.is_settled() else None
    with os.fdopen(descriptor, "rb", closefd=False) as stream:
        head = stream.read(HEAD_BYTES)
        kind = classify(candidate.path, head)
        match kind:
            case MediaKind.OTHER_MEDIA:
                return _Content(kind, None, status.st_size, settled)
            case MediaKind.IMAGE | MediaKind.UNDECODABLE_IMAGE | MediaKind.UNKNOWN:
                pass
            case MediaKind.COMPANION | MediaKind.POINTER:
                pass
            case _:
                assert_never(kind)
        if status.st_size > limits.max_bytes:
            raise _too_many(status.st_size, limits, settled)
        # Python allocates what it is asked to read: the file's size, not the limit. One byte more shows a file
        # that is still growing.
        data = head + stream.read(max(0, status.st_size + 1 - len(head)))
        if len(data) > status.st_size:
            data += stream.read(max(0, limits.max_bytes + 1 - len(data)))
        if len(data) > limits.max_bytes:
            raise _too_many(len(data), limits, None)
        unchanged = stamp == Stamp.of(os.fstat(descriptor))
        return _Content(kind, data, len(data), settled if unchanged else None)

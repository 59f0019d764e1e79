"""Results as openers make them: with what the file system said, and what was learnt before they ended."""

from __future__ import annotations

from typing import Any

from scanner.media.file import MediaFile
from scanner.results import ErrorCode, FileResult, Stamp, Status
from scanner.sources import Candidate

_SKIPPED = frozenset({ErrorCode.EXCLUDED, ErrorCode.UNSUPPORTED_MEDIA})


def of_file(file: MediaFile, **facts: Any) -> FileResult:
    """Of a file that can be scored; ``facts`` are fields of :class:`FileResult`."""
    return FileResult(file.candidate.name, Status.OK, bytes=file.size, stamp=file.stamp, **facts)


def failed(file: MediaFile, code: ErrorCode, detail: str, **facts: Any) -> FileResult:
    """Of an open file that gives no pictures."""
    return failed_candidate(file.candidate, code, detail, **{"bytes": file.size, "stamp": file.stamp} | facts)


def failed_candidate(
    candidate: Candidate, code: ErrorCode, detail: str, *, stamp: Stamp | None = None, **facts: Any
) -> FileResult:
    """Of one that was perhaps not even opened."""
    status = Status.SKIPPED if code in _SKIPPED else Status.ERROR
    return FileResult(candidate.name, status, code, detail, stamp=stamp, **facts)

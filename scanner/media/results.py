"""Results as openers make them: with what the file system said, and what was learnt before they ended."""

from __future__ import annotations

from typing import Any

from scanner.media.file import MediaFile
from scanner.results import ErrorCode, FileResult, Stamp, Status
from scanner.sources import Candidate


def of_file(file: MediaFile, **facts: Any) -> FileResult:
    """Of a file that can be scored; ``facts`` are fields of :class:`FileResult`."""
    place = _place(file.candidate)
    return FileResult(file.candidate.name, Status.OK, bytes=file.size, stamp=file.stamp, **place, **facts)


def failed(file: MediaFile, code: ErrorCode, detail: str, **facts: Any) -> FileResult:
    """Of an open file that gives no pictures."""
    return failed_candidate(file.candidate, code, detail, **{"bytes": file.size, "stamp": file.stamp} | facts)


def failed_candidate(
    candidate: Candidate, code: ErrorCode, detail: str, *, stamp: Stamp | None = None, **facts: Any
) -> FileResult:
    """Of one that was perhaps not even opened."""
    return FileResult(candidate.name, code.status, code, detail, stamp=stamp, **_place(candidate), **facts)


def _place(candidate: Candidate) -> dict[str, Any]:
    """Of a member."""
    inside = candidate.inside
    return {} if inside is None else {"container": inside.container, "member": inside.number}

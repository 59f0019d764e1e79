"""What every report format offers, and where its bytes go: whole files or a stream."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path
from typing import BinaryIO, Protocol

from models.errors import OutputError
from scanner.policy import Verdict
from scanner.results import FileResult


class Report(Protocol):
    """A format: it is given each result once, in order, then closed by its sink."""

    def begin(self) -> None: ...
    def add(self, result: FileResult, verdict: Verdict | None) -> None: ...


class Sink(Protocol):
    """Where a report's bytes go."""

    def write(self, data: bytes) -> None: ...
    def commit(self) -> str | None:
        """Make the report appear whole; its SHA-256, or ``None`` for a stream."""
        ...

    def abandon(self) -> Path | None:
        """Leave no report; where the rows so far are kept, if anywhere."""
        ...


def partial_path(target: Path) -> Path:
    """Where a report stands until it is whole."""
    return target.with_name(target.name + ".partial")


def check_target(target: Path) -> None:
    """Raise :class:`OutputError` if a file cannot be put there, without touching anything."""
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise OutputError(
            f"{target} cannot be written: the folder {target.parent} does not exist; make it first"
        )
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"{target} cannot be written: no permission to write in {target.parent}")


class FileSink:
    """Writes ``NAME.partial`` beside the target and renames it at the end.

    An interrupted scan leaves the rows it had there, and an older report as it was. Raises :class:`OutputError`
    when the target cannot be written.
    """

    def __init__(self, target: Path) -> None:
        check_target(target)
        self._target, self._partial = target, partial_path(target)
        self._hash = hashlib.sha256()
        try:
            self._stream = self._partial.open("wb")
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {error.strerror}") from None

    def write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            # Rows reach the system at once: a killed scan loses none that it printed.
            self._stream.flush()
        except OSError as error:
            raise OutputError(
                f"{self._partial} cannot be written: {error.strerror}; the scan has stopped"
            ) from None
        self._hash.update(data)

    def commit(self) -> str:
        try:
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._partial.replace(self._target)
        except OSError as error:
            raise OutputError(f"{self._target} cannot be written: {error.strerror}") from None
        return self._hash.hexdigest()

    def abandon(self) -> Path:
        # A full disk fails here once more; the error that brought us here is the one to tell.
        with contextlib.suppress(OSError):
            self._stream.close()
        return self._partial


class StreamSink:
    """Standard output: each row as soon as it is known."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stdout.buffer

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()

    def commit(self) -> None:
        return None

    def abandon(self) -> None:
        return None

"""Where a report's bytes go: whole files or a stream."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from models.support.atomic import sync_folder
from models.support.errors import OutputError
from models.support.terminal import visible

_HEAD_BYTES = 256
_TAIL_BYTES = 1 << 16

IsOurs = Callable[[bytes], bool]
"""Whether a file was written by an earlier run; given its first bytes and, if it has more, its last."""


class Sink(Protocol):
    """Where a report's bytes go."""

    @property
    def name(self) -> str:
        """As the manifest calls it."""
        ...

    def write(self, data: bytes) -> None: ...
    def sha256(self) -> str:
        """Of everything written so far."""
        ...

    def commit(self) -> None:
        """Make the report appear, whole."""
        ...

    def abandon(self) -> Path | None:
        """Leave no report; where the rows so far are kept, if anywhere."""
        ...


def partial_path(target: Path) -> Path:
    """Where a report stands until it is whole."""
    return target.with_name(target.name + ".partial")


def real_target(path: Path) -> Path:
    """Where writing to ``path`` ends up: ``/dev/stdout``, or a link to a report elsewhere, is not replaced itself.

    A dangling link is, so that no link decides where a new file comes to be.
    """
    return path.resolve() if path.is_symlink() and path.exists() else path


def is_stream(target: Path) -> bool:
    """A device, a FIFO or a pipe (``/dev/null``, ``>(gzip …)``): written to, never replaced."""
    return target.exists() and not target.is_file() and not target.is_dir()


def check_target(target: Path, is_ours: IsOurs, *, append: bool = False) -> None:
    """Raise :class:`OutputError` if a file cannot or must not be put there, without touching anything.

    What stands there already is replaced (with ``append``: added to) only if an earlier run wrote it: one
    mistyped option must not cost a piece of evidence.
    """
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise OutputError(
            f"{target} cannot be written: the folder {target.parent} does not exist; make it first"
        )
    if is_stream(target):
        return
    asked = target if append and target.exists() else target.parent
    if not os.access(asked, os.W_OK):
        raise OutputError(f"{target} cannot be written: no permission to write in {asked}")
    for path in (target,) if append else (target, partial_path(target)):
        _check_ours(path, is_ours)


def _check_ours(path: Path, is_ours: IsOurs) -> None:
    try:
        with path.open("rb") as stream:
            content = stream.read(_HEAD_BYTES)
            stream.seek(max(_HEAD_BYTES, path.stat().st_size - _TAIL_BYTES))
            content += stream.read(_TAIL_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None
    if content and not is_ours(content):
        raise OutputError(
            f"{path} exists and was not written by an earlier scan, so it is left alone; "
            "name another file, or remove this one first"
        )


class FileSink:
    """Writes ``NAME.partial`` beside the target and renames it at the end.

    An interrupted scan leaves the rows it had there, and an older report as it was. Raises :class:`OutputError`
    when the target cannot be written.
    """

    def __init__(self, target: Path, is_ours: IsOurs) -> None:
        check_target(target, is_ours)
        self._target, self._partial = target, partial_path(target)
        self._hash = hashlib.sha256()
        try:
            # Made anew: opening what stands there would follow a link that somebody left in the folder.
            self._partial.unlink(missing_ok=True)
            self._stream = self._partial.open("xb")
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {error.strerror}") from None

    @property
    def name(self) -> str:
        return self._target.name

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

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def commit(self) -> None:
        try:
            with self._stream:
                os.fsync(self._stream.fileno())
            self._partial.replace(self._target)
            sync_folder(self._target.parent)
        except OSError as error:
            raise OutputError(f"{self._target} cannot be written: {error.strerror}") from None

    def abandon(self) -> Path | None:
        # A full disk fails here once more; the error that brought us here is the one to tell.
        with contextlib.suppress(OSError):
            self._stream.close()
        return self._partial if self._partial.exists() else None


class StreamSink:
    """Standard output, a device or a pipe: each row as soon as it is known.

    On a terminal, what a file's name would do to it is shown and not done.
    """

    def __init__(self, target: Path | None) -> None:
        """``None`` is standard output. Raises :class:`OutputError`."""
        self.name = "-" if target is None else str(target)
        self._said_name = "standard output" if target is None else str(target)
        self._hash = hashlib.sha256()
        self._owned: BinaryIO | None = None
        self._stream: BinaryIO
        if target is not None:
            try:
                self._stream = self._owned = target.open("wb")
            except OSError as error:
                raise OutputError(f"{target} cannot be written: {error.strerror}") from None
        elif sys.stdout is not None:
            self._stream = sys.stdout.buffer
        else:
            raise OutputError("standard output is closed; name a file with --out")
        self._is_seen = self._stream.isatty()

    def write(self, data: bytes) -> None:
        try:
            self._stream.write(_as_shown(data) if self._is_seen else data)
            self._stream.flush()
        except BrokenPipeError:
            raise  # nobody reads any more: the command ends, and nobody needs a sentence about it
        except OSError as error:
            raise OutputError(
                f"{self._said_name} cannot be written: {error.strerror}; the scan has stopped"
            ) from None
        self._hash.update(data)

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def commit(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        if self._owned is not None:
            with contextlib.suppress(OSError):
                self._owned.close()


def _as_shown(data: bytes) -> bytes:
    return visible(data.decode("utf-8", "backslashreplace")).encode("utf-8", "backslashreplace")


def open_sink(target: Path | None, is_ours: IsOurs) -> Sink:
    """The sink for a file, a device or pipe, or (``None``) standard output. Raises :class:`OutputError`."""
    if target is None or is_stream(target):
        return StreamSink(target)
    return FileSink(target, is_ours)

"""The journal file: ``report.csv.journal``, a header and one line per finished file, only ever added to.

A process that is killed loses nothing that was added, a power failure at most the last second. A last line that
was cut off, and whatever a disk left behind it, is dropped when the journal is opened again.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from models.error_codes import DependsOn
from models.support.append_only import open_locked
from models.support.atomic import sync_folder
from models.support.errors import OutputError
from scanner.memory.journal_lines import Lines, read_lines
from scanner.results import FileResult, RememberedBy, Stamp
from scanner.results.parts import PartResult
from scanner.results.record import part_line, read_part, read_record, record_line
from scanner.sources import Candidate

JOURNAL_SCHEMA = 1
SYNC_SECONDS = 1.0
_BEGINNING = b'{"scan_journal":'


def journal_path(report: Path) -> Path:
    """``report.csv`` → ``report.csv.journal``."""
    return report.with_name(report.name + ".journal")


def looks_like_journal(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a journal of any schema, or the cut-off beginning of one."""
    return head.startswith(_BEGINNING) or _BEGINNING.startswith(head)


class Journal:
    """An open journal. Make one with :meth:`open`; :meth:`close` keeps it for the next run, :meth:`remove` does not."""

    def __init__(self, path: Path, stream: BinaryIO, done: Lines, parts: Lines) -> None:
        self._path, self._stream, self._done, self._parts = path, stream, done, parts
        self._reader = path.open("rb")
        self._reading = threading.Lock()
        self._sync = _Sync(stream.fileno())

    @classmethod
    def open(cls, path: Path, header: Mapping[str, Any], *, restart: bool = False) -> Journal:
        """Continue the journal there, or begin one; with ``restart`` what is there is given up.

        Raises ``JournalMismatch`` when it is that of another scan, :class:`OutputError` when it cannot be written
        or another scan is at work on it.
        """
        ours = {"scan_journal": JOURNAL_SCHEMA, **header}
        try:
            stream = _open_locked(path)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None
        try:
            if restart:
                os.ftruncate(stream.fileno(), 0)
            done, parts, end = read_lines(path, ours)
            os.ftruncate(stream.fileno(), end)
            if not end:
                stream.write(json.dumps(ours).encode() + b"\n")
                os.fsync(stream.fileno())
                sync_folder(path.parent)
            return cls(path, stream, done, parts)
        except OSError as error:
            stream.close()
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None
        except BaseException:
            stream.close()
            raise

    @property
    def done(self) -> int:
        """Files that were done when the journal was opened."""
        return len(self._done)

    def recall(self, candidate: Candidate) -> FileResult | None:
        """The result of an earlier run, if the file is still the same; one ``stat``, and nothing is opened."""
        if candidate.problem is not None:
            return None
        number = None if candidate.inside is None else candidate.inside.number
        # Two members may have one name; and a container's own row is nothing without those of its members.
        words = (one for one in self._words(candidate.name) if one.member == number and one.members is None)
        last = next(words, None)
        if last is None or last.stamp is None:
            return None
        if last.depends_on is DependsOn.MOMENT and not _failed_twice(last, next(words, None)):
            return None
        return (
            replace(last, remembered_by=RememberedBy.JOURNAL)
            if Stamp.at(candidate.path) == last.stamp
            else None
        )

    def _words(self, name: str) -> Iterator[FileResult]:
        """What earlier runs said of a file, the last first."""
        for offset in self._done.offsets(name):
            try:
                result = read_record(self._line_at(offset))
            except ValueError:
                continue  # damaged on the disk: not said
            if result.path == name:
                yield result

    def add(self, result: FileResult) -> None:
        """Raises :class:`OutputError` when it cannot be written."""
        if result.recalled:
            return  # it stands there
        self._write(record_line(result))

    def add_part(self, result: FileResult, index: int, found: PartResult) -> None:
        """A finished part of a file that is not finished; raises like :meth:`add`."""
        if result.stamp is not None:
            self._write(part_line(result, index, found))

    def known_parts(self, result: FileResult) -> dict[int, PartResult]:
        """What an earlier run found in parts of this file, if it is still the same."""
        parts: dict[int, PartResult] = {}
        for offset in self._parts.offsets(result.path) if result.stamp is not None else ():
            try:
                known = read_part(self._line_at(offset))
            except ValueError:
                continue  # damaged on the disk: not said
            if (known.name, known.member, known.stamp) != (result.path, result.member, result.stamp):
                continue
            found = known.found
            # What the machine of that moment may have caused is tried again.
            if found.gap is None or found.gap.code.depends_on is not DependsOn.MOMENT:
                parts.setdefault(known.part, found)
        return parts

    def _line_at(self, offset: int) -> bytes:
        """It is asked for in the thread of the walk, and in that of the run."""
        with self._reading:
            self._reader.seek(offset)
            return self._reader.readline()

    def _write(self, data: bytes) -> None:
        try:
            self._sync.check()
            while data:  # a disk that is nearly full takes a part
                data = data[self._stream.write(data) :]
            self._sync.due()
        except OSError as error:
            raise OutputError(
                f"{self._path} cannot be written: {error.strerror}; the scan has stopped"
            ) from None

    def close(self) -> None:
        """Leave it for the next run; after :meth:`remove` there is nothing to do."""
        if self._stream.closed:
            return
        self._sync.stop()
        # What brought the run here is the thing to tell.
        with contextlib.suppress(OSError):
            os.fsync(self._stream.fileno())
        self._close()

    def remove(self) -> None:
        """The report is complete: nothing is left to continue."""
        self._sync.stop()
        # Before the lock is given up, so that no other scan is at work on it.
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._close()

    def _close(self) -> None:
        self._reader.close()
        with contextlib.suppress(OSError):
            self._stream.close()


class _Sync:
    """Brings the file to the disk once a second, in a thread: a slow disk must not hold up the scan."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_due = False
        self._error: OSError | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def due(self) -> None:
        self._is_due = True

    def check(self) -> None:
        """Raises what the disk said."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(SYNC_SECONDS):
            if self._is_due:
                self._is_due = False
                try:
                    os.fsync(self._descriptor)
                except OSError as error:
                    self._error = error
                    return


def _open_locked(path: Path) -> BinaryIO:
    return open_locked(
        path,
        irregular=OutputError(
            f"{path} is in the way: it is no regular file; remove it, or name another --out"
        ),
        busy=OutputError(f"{path} is being written by another scan; wait for it, or name another --out"),
    )


def _failed_twice(last: FileResult, before: FileResult | None) -> bool:
    """Whether a file has ended decoders in two runs, unchanged in between: the machine is not to blame any more.

    A third try in each run that follows could keep a scan that is cut off often from ever getting past such files.
    """
    if before is None or before.stamp != last.stamp:
        return False
    return last.ended_decoders and before.ended_decoders

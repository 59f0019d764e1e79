"""``report.decisions.jsonl``: one line for each key press, on the disk before the page hears of it, only ever added to.

Taking something back is a line, too. A last line that was cut off stays as it is, gets its line end, and is not read.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from models.support.append_only import open_locked
from models.support.atomic import sync_folder
from scanner.review.index import ReviewError

SCHEMA = "deepfake-scanner/decision/1"
SAMPLE_SCHEMA = "deepfake-scanner/sample/1"
_BEGINNING = b'{"schema":"deepfake-scanner/'


class Choice(StrEnum):
    """What a line says."""

    FAKE = "fake"
    FALSE_ALARM = "false_alarm"
    """Also of a picture that was not flagged: it is none of the fakes that are looked for."""
    UNSURE = "unsure"
    NOTE = "note"
    """A note alone; the decision stays."""
    UNDO = "undo"


DECIDING = (Choice.FAKE, Choice.FALSE_ALARM, Choice.UNSURE)
LONGEST_NOTE = 4000


@dataclass(frozen=True)
class Decision:
    """One line, in the order of its keys."""

    sha256: str
    """Of the file's content, which is what was decided on."""
    face: int | None
    """The one whose score is the file's, numbered from 1 as in a list of findings; ``None`` without faces."""
    decision: Choice
    note: str | None
    reviewer: str
    time: str
    """UTC, ISO 8601."""
    model: str | None
    """SHA-256 of the model that gave the score."""
    probability: float
    """``prob_fake`` as printed."""
    manifest: str | None
    """SHA-256 of the run manifest; ``None`` where there was none."""
    report: str
    """SHA-256 of the report that was reviewed."""
    blind: bool = False
    """Whether the score was hidden."""
    undoes: int | None = None
    """Number of the line that no longer holds, from 1."""


@dataclass(frozen=True)
class SampleLine:
    """That a sample was drawn."""

    size: int
    seed: int
    report: str
    """SHA-256 of the report that it was drawn from."""
    reviewer: str
    time: str


Line = tuple[int, Decision | SampleLine]
"""With its number in the file, from 1."""


def decisions_path(report: Path) -> Path:
    """``report.jsonl`` → ``report.decisions.jsonl``."""
    return report.with_name(report.stem + ".decisions.jsonl")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_lines(path: Path) -> tuple[list[Line], int]:
    """All lines, and how many were cut off or are of no schema that this version has.

    Raises :class:`ReviewError`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReviewError(f"the decisions {path} cannot be read: {error.strerror}") from None
    _check_ours(path, data)
    return _parsed(data)


def _check_ours(path: Path, data: bytes) -> None:
    """The very first line may have been cut off, and others come after it."""
    first, _, others = data.partition(b"\n")
    if first.startswith(_BEGINNING):
        return
    if not _BEGINNING.startswith(first) or not (not others or others.startswith(_BEGINNING)):
        raise ReviewError(f"{path} holds no decisions of a review; name another file with --decisions")


def _parsed(data: bytes) -> tuple[list[Line], int]:
    lines, unread = [], 0
    for number, text in enumerate(data.split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            lines.append((number, _line(json.loads(text))))
        except (ValueError, TypeError, KeyError):
            unread += 1
    return lines, unread


def _line(values: dict[str, Any]) -> Decision | SampleLine:
    schema = values.pop("schema")
    if schema == SAMPLE_SCHEMA:
        return SampleLine(**values)
    if schema != SCHEMA:
        raise ValueError(f"schema {schema}")
    return Decision(**{**values, "decision": Choice(values["decision"])})


class DecisionFile:
    """An open file, which no other process of this program writes to. Close it, or use it in a ``with``."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`ReviewError`."""
        self.path = path
        try:
            self._stream = _open_locked(path)
            data = path.read_bytes()
        except OSError as error:
            raise ReviewError(f"the decisions {path} cannot be written: {error.strerror}") from None
        try:
            _check_ours(path, data)
        except ReviewError:
            self._stream.close()
            raise
        self.lines, self.unread = _parsed(data)
        self._is_whole, self._next = _end(data)

    def __enter__(self) -> DecisionFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()

    def append(self, line: Decision | SampleLine) -> Line:
        """On the disk when this returns. Raises :class:`ReviewError`; :attr:`lines` are then what the file holds."""
        schema = SCHEMA if isinstance(line, Decision) else SAMPLE_SCHEMA
        values = {key: value for key, value in asdict(line).items() if key != "undoes" or value is not None}
        text = json.dumps({"schema": schema, **values}, ensure_ascii=False, separators=(",", ":"))
        data = text.encode("utf-8", "backslashreplace") + b"\n"
        # What a crash, or a full disk, left of a line before this one.
        start = b"" if self._is_whole else b"\n"
        self._is_whole = False
        try:
            _write_all(self._stream, start + data)
            os.fsync(self._stream.fileno())
        except OSError as error:
            self._resume()
            raise ReviewError(
                f"{self.path} cannot be written: {error.strerror}; the decision was NOT kept"
            ) from None
        self._is_whole = True
        placed = (self._next, line)
        self.lines.append(placed)
        self._next += 1
        return placed

    def _resume(self) -> None:
        """After a write that failed: what the file holds now."""
        data = self.path.read_bytes()
        self.lines, self.unread = _parsed(data)
        self._is_whole, self._next = _end(data)


def _end(data: bytes) -> tuple[bool, int]:
    """Whether the last line has its end, and the number of the one that would come next."""
    is_whole = not data or data.endswith(b"\n")
    return is_whole, data.count(b"\n") + (1 if is_whole else 2)


def _write_all(stream: BinaryIO, data: bytes) -> None:
    while data:
        data = data[stream.write(data) :]


def _open_locked(path: Path) -> BinaryIO:
    is_new = not path.exists()
    stream = open_locked(
        path,
        irregular=ReviewError(f"{path} is no regular file; name another with --decisions"),
        busy=ReviewError(
            f"{path} is open in another review; end it, or keep your decisions in a file of your own with --decisions"
        ),
    )
    if is_new:
        sync_folder(path.parent)
    return stream

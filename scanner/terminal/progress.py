"""Progress of a scan on stderr, injected into the command; silent without a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from models.support.terminal import is_dumb, is_terminal
from scanner.judgement.policy import Verdict
from scanner.results import Status


class Progress(Protocol):
    """Told about each finished file."""

    def begin(self) -> None: ...
    def total(self, files: int) -> None:
        """The walk has ended with this many files; called from the walk's thread."""
        ...

    def member(self) -> None:
        """The next file is in another, and none that the walk counts."""
        ...

    def file(self, status: Status, verdict: Verdict | None) -> None: ...
    def hide(self) -> None:
        """Make room for a line; the next file brings it back."""
        ...

    def close(self) -> None: ...


class NullProgress:
    """For pipes, ``-q`` and ``--no-progress``."""

    def begin(self) -> None:
        return

    def total(self, files: int) -> None:
        return

    def member(self) -> None:
        return

    def file(self, status: Status, verdict: Verdict | None) -> None:
        return

    def hide(self) -> None:
        return

    def close(self) -> None:
        return


class ScanBar:
    """A tqdm line: files, rate, time, and the numbers of fakes and errors so far.

    The time left appears once the total is known: at once if every file was named, else when the walk has ended.
    """

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._fakes = self._errors = self._members = 0
        self._bar: Any = None

    def begin(self) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=self._total,
            unit=" files",
            file=sys.stderr,
            dynamic_ncols=True,
            smoothing=0.05,
            bar_format=_format(self._total),
            postfix=self._counts(),
        )

    def total(self, files: int) -> None:
        self._total = files
        if self._bar is not None:
            self._bar.bar_format, self._bar.total = _format(files), files + self._members

    def member(self) -> None:
        self._members += 1
        if self._total is not None:
            self._bar.total = self._total + self._members

    def file(self, status: Status, verdict: Verdict | None) -> None:
        self._fakes += verdict is Verdict.FAKE
        self._errors += status is Status.ERROR
        self._bar.set_postfix_str(self._counts(), refresh=False)
        self._bar.update()

    def hide(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _counts(self) -> str:
        return f"{self._fakes:,} fake, {self._errors:,} error{'' if self._errors == 1 else 's'}"


def has_room_for_bar(reports: Iterable[Path | None]) -> bool:
    """Whether standard error is a terminal that can draw a bar, and no report goes to a terminal.

    ``None`` is standard output.
    """
    return is_terminal(sys.stderr) and not is_dumb() and not any(map(_is_seen, reports))


def _is_seen(target: Path | None) -> bool:
    """Whether ``target`` is a terminal."""
    if target is None:
        return is_terminal(sys.stdout)
    if not target.is_char_device():
        return False
    try:
        descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        return os.isatty(descriptor)
    finally:
        os.close(descriptor)


def _format(total: int | None) -> str:
    """tqdm's own format, but always files per second: tqdm turns to seconds per file when it is slow."""
    if total is None:
        return "{n_fmt} files [{elapsed}, {rate_noinv_fmt}{postfix}]"
    return "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} files [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"

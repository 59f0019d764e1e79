"""Which formats there are, and which file is in which."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from models.support.errors import OutputError
from scanner.reports import format_names
from scanner.reports.report import ReportFormat
from scanner.reports.sinks import is_stream

SUFFIXES = {suffix: name for name, suffixes in format_names.SUFFIXES.items() for suffix in suffixes}


@cache
def format_named(name: str) -> ReportFormat:
    """The ``FORMAT`` of the module of that name in this room, which is loaded with the first report of it."""
    found: ReportFormat = import_module(f"scanner.reports.{name}").FORMAT
    return found


@dataclass(frozen=True)
class Target:
    """A report that was asked for."""

    path: Path | None
    """``None`` is standard output."""
    name: str
    """Of the format, a key of :data:`scanner.reports.format_names.SUFFIXES`."""

    @property
    def format(self) -> ReportFormat:
        return format_named(self.name)

    @property
    def is_file(self) -> bool:
        return self.path is not None and not is_stream(self.path)


def format_of(target: Path | None) -> str:
    """The name of its format, by the suffix; a stream without one is CSV.

    Raises :class:`OutputError` for a suffix that means nothing.
    """
    if target is None:
        return "csv"
    name = target.name.lower()
    # The longest: report.findings.csv is no report of files.
    if found := max(filter(name.endswith, SUFFIXES), key=len, default=None):
        return SUFFIXES[found]
    if is_stream(target):
        return "csv"
    raise OutputError(
        f"{target}: no report format has this suffix; end it in {', '.join(SUFFIXES)}, or say --format"
    )


def name_beside(target: Path, folder: Path) -> str:
    """How a manifest in ``folder`` calls a report."""
    return Path(os.path.relpath(target, folder)).as_posix()

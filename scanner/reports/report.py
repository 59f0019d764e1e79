"""What every format is: told of the run, given each result once and in order, told how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from models.support.errors import ExitCode
from scanner.judgement.judging import Judged
from scanner.judgement.policy import Gate, Policy
from scanner.judgement.tally import Tally
from scanner.reports.sinks import IsOurs, Sink
from scanner.results.model import ModelFacts
from scanner.results.preview import Preview

TOOL = "deepfake-scanner"


@dataclass(frozen=True)
class RunFacts:
    """Known before the first result."""

    version: str
    """Of the tool."""
    model: ModelFacts
    policy: Policy
    gate: Gate
    inputs: Sequence[str]
    started: datetime
    has_baseline: bool = False
    """Whether findings were compared with those of an earlier report."""
    workers: int = 1
    batch_size: int = 1
    redacted: bool = False
    """Whether rows are numbered in place of paths."""


@dataclass(frozen=True)
class RunEnd:
    """Known after the last one."""

    tally: Tally
    code: ExitCode
    seconds: float


@dataclass(frozen=True)
class ReportContext:
    """What a format may use; each takes what concerns it."""

    facts: RunFacts
    previews: Callable[[], Iterable[Preview | None]] | None = None
    """Of the run's :class:`~scanner.judgement.ranking.MostSuspicious` so far, in its order; ``None`` for a page without
    pictures."""
    sarif_known: bool = False
    """Whether SARIF holds what the baseline knows."""


class Report(Protocol):
    """One format. It writes to its sink, which makes the file appear."""

    def begin(self) -> None: ...
    def add(self, judged: Judged) -> None: ...
    def end(self, end: RunEnd) -> None: ...


@dataclass(frozen=True)
class ReportFormat:
    """A kind of report file; each module of this room that writes one ends with its ``FORMAT``."""

    looks_like: IsOurs
    """The test by which a file that may be replaced is known."""
    make: Callable[[Sink, ReportContext], Report]

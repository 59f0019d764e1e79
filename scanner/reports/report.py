"""What every format is: told of the run, given each result once and in order, told how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from models.contract import ModelMetadata
from models.support.errors import ExitCode
from scanner.judgement.policy import Gate, Policy, Verdict
from scanner.reports.tally import Tally
from scanner.results import FileResult

TOOL = "deepfake-scanner"


@dataclass(frozen=True)
class RunFacts:
    """Known before the first result."""

    version: str
    """Of the tool."""
    model_file: str
    model_sha256: str
    metadata: ModelMetadata
    device: str
    provider: str
    policy: Policy
    gate: Gate
    inputs: Sequence[str]
    started: datetime
    redacted: bool = False
    """Whether rows are numbered in place of paths."""


@dataclass(frozen=True)
class RunEnd:
    """Known after the last one."""

    tally: Tally
    code: ExitCode
    seconds: float


class Report(Protocol):
    """One format. It writes to its sink, which makes the file appear."""

    def begin(self) -> None: ...
    def add(self, result: FileResult, verdict: Verdict | None, *, is_known: bool = False) -> None:
        """``is_known``: a finding of the baseline."""
        ...

    def end(self, end: RunEnd) -> None: ...

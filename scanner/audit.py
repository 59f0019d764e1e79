"""One run of ``scan``: drains the pipeline into reports, counts, and decides the exit code."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from models.errors import ExitCode, Failure
from scanner.decode import Limits
from scanner.inference.detector import Detector
from scanner.pipeline import default_workers, scan_candidates
from scanner.policy import Gate, Policy
from scanner.progress import NullProgress, Progress
from scanner.reports.base import FileSink, Sink, StreamSink
from scanner.reports.csv_report import CsvReport
from scanner.reports.manifest import Tally, build_manifest, write_manifest
from scanner.results import FileResult, Status
from scanner.sources import Candidate
from scanner.summary import MostSuspicious, printable, summary_lines

log = logging.getLogger("scanner")


class NoCandidates(Failure):
    """There was nothing to audit."""


class Interrupted(Failure):
    """Ctrl-C or SIGTERM."""

    exit_code = ExitCode.INTERRUPTED


@dataclass
class Audit:
    """Everything one run needs, resolved; :meth:`run` does it."""

    detector: Detector
    policy: Policy
    gate: Gate
    candidates: Iterable[Candidate]
    tally: Tally
    """Its ``other_files`` are counted by the walk behind ``candidates``."""
    out: Path | None
    """``None`` streams to standard output."""
    manifest: Path | None
    say: Callable[[str], None]
    """Speaks to the person at the terminal."""
    inputs: list[str]
    options: Mapping[str, Any]
    allow_empty: bool = False
    workers: int | None = None
    batch_size: int | None = None
    limits: Limits = field(default_factory=Limits)
    progress: Progress = field(default_factory=NullProgress)

    def run(self) -> ExitCode:
        """Raises :class:`Failure` when the audit cannot be completed; the report is then left as it was."""
        candidates = iter(self.candidates)
        first = next(candidates, None)
        if first is None and not self.allow_empty:
            raise NoCandidates(
                "there is no image to scan; check the paths and patterns, or pass --allow-empty if that is expected"
                + (f" ({self.tally.other_files.total()} other files seen)" if self.tally.other_files else "")
            )
        started, clock = datetime.now(UTC), time.monotonic()
        top = MostSuspicious()
        sink: Sink = FileSink(self.out) if self.out is not None else StreamSink()
        report = CsvReport(sink, model_sha256=self.detector.sha256)
        try:
            report.begin()
            # One file may be waiting already; the others come as the walk finds them.
            found = candidates if first is None else chain([first], candidates)
            self._drain(found, report, top)
        except BaseException as error:
            # Whatever it was, the rows so far are kept and an older report is not touched.
            kept = sink.abandon()
            self.progress.close()
            where = f"; the rows so far are in {kept}" if kept is not None else ""
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(f"interrupted after {self.tally.files:,} files{where}") from None
            if isinstance(error, Failure) and where:
                self.say(f"stopped after {self.tally.files:,} files{where}")
            raise
        self.progress.close()
        code = self.gate.exit_code(self.tally.statuses, self.tally.verdicts)
        digest = sink.commit()
        if self.manifest is not None:
            reports = {self.out.name: digest} if self.out is not None and digest is not None else {}
            manifest = build_manifest(
                self.detector, self.policy, self.tally,
                inputs=self.inputs, options=self.options, started=started, finished=datetime.now(UTC),
                complete=code is not ExitCode.INCOMPLETE, exit_code=int(code), reports=reports,
            )  # fmt: skip
            write_manifest(self.manifest, manifest)
        self._close(top, time.monotonic() - clock, code)
        return code

    def _drain(self, candidates: Iterable[Candidate], report: CsvReport, top: MostSuspicious) -> None:
        results = scan_candidates(
            candidates, self.detector, limits=self.limits, workers=self.workers, batch_size=self.batch_size
        )
        for result in results:
            verdict = self.policy.verdict(result)
            report.add(result, verdict)
            self.tally.statuses[result.status] += 1
            if verdict is not None:
                self.tally.verdicts[verdict] += 1
            if result.error is not None:
                self.tally.errors[result.error.value] += 1
                _log_problem(result)
            top.add(result)
            self.progress.file(verdict)

    def _close(self, top: MostSuspicious, seconds: float, code: ExitCode) -> None:
        workers = self.workers or default_workers()
        for line in summary_lines(
            self.detector, self.policy, self.tally, top, seconds=seconds, workers=workers
        ):
            self.say(line)
        if self.out is not None:
            beside = f" (how it was made: {self.manifest})" if self.manifest is not None else ""
            self.say(f"report: {self.out}{beside}")
        if code is ExitCode.INCOMPLETE:
            errors = self.gate.errors(self.tally.statuses)
            log.error(
                "the audit is not complete: %d files could not be scored, --max-errors allows %d",
                errors,
                self.gate.max_errors,
            )


def _log_problem(result: FileResult) -> None:
    level = logging.INFO if result.status is Status.SKIPPED else logging.WARNING
    code = result.error.value if result.error is not None else ""
    log.log(
        level,
        "%s: %s%s",
        printable(result.path),
        code,
        f" ({printable(result.detail)})" if result.detail else "",
    )

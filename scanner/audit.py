"""One run of ``scan``: drains the pipeline into reports, counts, and decides the exit code."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from models.support.errors import ExitCode, Failure
from models.support.release import tool_version
from scanner.engine.local import LocalEngine
from scanner.inference.detector import Detector
from scanner.judgement.baseline import Baseline
from scanner.judgement.policy import Gate, Policy
from scanner.judgement.ranking import MostSuspicious
from scanner.media import Limits
from scanner.memory import Cache, Journal
from scanner.reports.formats import Target, name_beside
from scanner.reports.manifest import build_manifest, looks_like_manifest, manifest_bytes
from scanner.reports.redaction import redacted_facts, redacted_manifest, redacted_result
from scanner.reports.report import Report, ReportContext, RunEnd, RunFacts
from scanner.reports.sinks import Sink, open_sink
from scanner.reports.tally import Tally
from scanner.results import FileResult, Status
from scanner.results.names import printable
from scanner.sources import NOT_FETCHED, Candidate
from scanner.terminal.progress import Progress
from scanner.terminal.speaker import Speaker
from scanner.terminal.summary import summary_lines

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
    """Its ``other_files`` and ``scanignore`` are filled by the walk behind ``candidates``."""
    reports: Sequence[Target]
    manifest: Path | None
    speaker: Speaker
    inputs: list[str]
    options: Mapping[str, Any]
    workers: int
    batch_size: int
    configuration: Mapping[str, Any] = field(default_factory=dict)
    """Where options came from, for the manifest."""
    allow_empty: bool = False
    thumbnails: bool = True
    """Of the most suspicious files, in an HTML report."""
    sarif_known: bool = False
    """Keep what the baseline knows in SARIF reports."""
    limits: Limits = field(default_factory=Limits)
    redact: bool = False
    """Write reports and manifest that name no file."""
    baseline: Baseline | None = None
    cache: Cache | None = None
    open_journal: Callable[[], Journal] | None = None
    """``None`` for a report that is a stream."""

    @property
    def progress(self) -> Progress:
        return self.speaker.progress

    def run(self) -> ExitCode:
        """Raises :class:`Failure` when the audit cannot be completed; the report is then left as it was."""
        with closing(self.progress), closing(self.cache) if self.cache is not None else nullcontext():
            candidates = iter(self.candidates)
            first = next(candidates, None)
            if first is None and not self.allow_empty:
                others, ignored = self.tally.other_files.total(), self.tally.ignored
                raise NoCandidates(
                    "there is no image to scan; check the paths and patterns, or pass --allow-empty if that is expected"
                    + (f" ({others} other files seen)" if others else "")
                    + (f"; left out by .scanignore: {ignored}" if ignored else "")
                )
            started, clock = datetime.now(UTC), time.monotonic()
            found = candidates if first is None else chain([first], candidates)
            top = MostSuspicious()
            # The journal comes first: its lock keeps out another scan into the same report.
            with closing(self.open_journal()) if self.open_journal else nullcontext() as journal:
                if journal is not None and journal.done:
                    self.speaker.say(f"continuing a scan that was cut off: {journal.done:,} files are done")
                self.progress.begin()
                sinks: list[Sink] = []
                try:
                    reports = self._open_reports(sinks, started)
                    self._drain(found, reports, top, journal)
                    code = self.gate.exit_code(self.tally.errors, self.tally.verdicts - self.tally.known)
                    self.tally.cached = self.cache.hits if self.cache is not None else 0
                    end = RunEnd(self.tally, code, time.monotonic() - clock)
                    for report in reports:
                        report.end(end)
                    self._publish(sinks, code, started)
                except BaseException as error:
                    # The rows so far are kept, and older reports stay as they are.
                    self._give_up(error, sinks, journal)
                    raise
                if journal is not None:
                    journal.remove()
        self._close(top, time.monotonic() - clock, code)
        return code

    def _open_reports(self, sinks: list[Sink], started: datetime) -> list[Report]:
        """Appends to ``sinks`` as it goes, so that a later failure can abandon the earlier ones."""
        facts = RunFacts(
            version=tool_version(), model_file=self.detector.path.name, model_sha256=self.detector.sha256,
            metadata=self.detector.metadata, device=self.detector.device, provider=self.detector.provider,
            policy=self.policy, gate=self.gate, inputs=self.inputs, started=started,
        )  # fmt: skip
        if self.redact:
            facts = redacted_facts(facts)
        reports = []
        context = ReportContext(facts, self.limits if self.thumbnails else None, self.sarif_known)
        for target in self.reports:
            sinks.append(open_sink(target.path, target.format.looks_like))
            reports.append(target.format.make(sinks[-1], context))
        return reports

    def _drain(
        self,
        candidates: Iterable[Candidate],
        reports: Sequence[Report],
        top: MostSuspicious,
        journal: Journal | None,
    ) -> None:
        for report in reports:
            report.begin()
        memories = [memory for memory in (journal, self.cache) if memory is not None]
        known = (_recalled(one, memories) for one in self._counted(candidates))
        results = LocalEngine(
            self.detector,
            limits=self.limits,
            workers=self.workers,
            batch_size=self.batch_size,
            recognise=self.cache.recognise if self.cache is not None else None,
            parts=journal,
        ).results(known)
        # Closed here, so that an interrupted scan leaves no thread at work behind it.
        with closing(results):
            for result in results:
                for memory in memories:
                    memory.add(result)
                verdict = self.policy.verdict(result)
                is_known = self.baseline is not None and self.baseline.knows(result, verdict)
                shown = redacted_result(result, self.tally.files + 1) if self.redact else result
                for report in reports:
                    report.add(shown, verdict, is_known=is_known)
                self.tally.statuses[result.status] += 1
                self.tally.recalled += result.recalled
                if verdict is not None:
                    self.tally.verdicts[verdict] += 1
                    self.tally.known[verdict] += is_known
                if result.error is not None:
                    self.tally.errors[result.error] += 1
                    if result.detail in NOT_FETCHED.values():
                        self.tally.not_fetched[result.detail] += 1
                    _log_problem(result)
                top.add(result)
                self.progress.file(result.status, verdict)

    def _counted(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """As they are; the progress is told how many they were."""
        files = 0
        for files, candidate in enumerate(candidates, start=1):  # noqa: B007 - the last one counts
            yield candidate
        self.progress.total(files)

    def _publish(self, sinks: Sequence[Sink], code: ExitCode, started: datetime) -> None:
        """Let the reports and their manifest appear: the manifest is on the disk before the first is renamed."""
        if self.manifest is None:
            for sink in sinks:
                sink.commit()
            return
        manifest = build_manifest(
            self.detector, self.policy, self.tally,
            inputs=self.inputs, options=self.options, configuration=self.configuration,
            workers=self.workers, batch_size=self.batch_size,
            started=started, finished=datetime.now(UTC),
            complete=code is not ExitCode.INCOMPLETE, exit_code=int(code),
            reports=self._hashes(sinks, self.manifest.parent),
        )  # fmt: skip
        if self.redact:
            manifest = redacted_manifest(manifest)
        beside = open_sink(self.manifest, looks_like_manifest)
        try:
            beside.write(manifest_bytes(manifest))
            for sink in sinks:
                sink.commit()
            beside.commit()
        except BaseException:
            # A manifest describes a report that is there.
            if (left := beside.abandon()) is not None:
                left.unlink(missing_ok=True)
            raise

    def _hashes(self, sinks: Sequence[Sink], folder: Path) -> dict[str, str]:
        """By the name that leads from the manifest to the report."""
        return {
            name_beside(target.path, folder)
            if target.path is not None and target.is_file
            else sink.name: sink.sha256()
            for target, sink in zip(self.reports, sinks, strict=True)
        }

    def _give_up(self, error: BaseException, sinks: Sequence[Sink], journal: Journal | None) -> None:
        kept = [path for path in (sink.abandon() for sink in sinks) if path is not None]
        self.progress.close()
        where = f"; the rows so far are in {printable(str(kept[0]))}" if kept else ""
        if journal is not None:
            where += "; the same command continues"
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"interrupted after {self.tally.files:,} files{where}") from None
        if isinstance(error, Failure) and where:
            self.speaker.say(f"stopped after {self.tally.files:,} files{where}")

    def _close(self, top: MostSuspicious, seconds: float, code: ExitCode) -> None:
        for line in summary_lines(
            self.detector, self.policy, self.tally, top, seconds=seconds, workers=self.workers
        ):
            self.speaker.say(line)
        for notice in self.tally.left_out_of_sarif.notices():
            tell = self.speaker.warn if notice.level == "warning" else self.speaker.say
            tell(f"SARIF report: {notice.text}")
        paths = [printable(str(target.path)) for target in self.reports if target.path is not None]
        if paths:
            beside = (
                f" (how it was made: {printable(str(self.manifest))})" if self.manifest is not None else ""
            )
            self.speaker.say(f"report: {', '.join(paths)}{beside}")
        if code is ExitCode.INCOMPLETE:
            errors = self.gate.errors(self.tally.errors)
            log.error(
                "the audit is not complete: %d files could not be scored, --max-errors allows %d",
                errors,
                self.gate.max_errors,
            )
            for words, number in self.tally.not_fetched.items():
                log.error("%d of them: %s", number, words)


def _recalled(candidate: Candidate, memories: Sequence[Journal | Cache]) -> Candidate | FileResult:
    return next((known for memory in memories if (known := memory.recall(candidate)) is not None), candidate)


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

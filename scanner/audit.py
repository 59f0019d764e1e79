"""One run of ``scan``: drains the engine into reports, counts, and decides the exit code."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from models.support.errors import ExitCode, Failure
from models.support.release import tool_version
from scanner.engine.engine import reading_of
from scanner.engine.local import LocalEngine
from scanner.engine.previews import previews
from scanner.inference.detector import Detector
from scanner.judgement.judging import Judged, Judging
from scanner.judgement.ranking import MostSuspicious
from scanner.judgement.tally import Tally
from scanner.media import Limits
from scanner.memory import Memories
from scanner.reports.code_scanning import notices_of
from scanner.reports.report import RunEnd, RunFacts
from scanner.reports.reporting import Reporting
from scanner.results import FileResult, Status
from scanner.results.credentials import UNVERIFIED
from scanner.results.names import printable
from scanner.results.preview import Preview
from scanner.sources import NOT_FETCHED, Candidate
from scanner.terminal.progress import Progress
from scanner.terminal.speaker import Speaker
from scanner.terminal.summary import summary_lines

if TYPE_CHECKING:
    from scanner.heat_map_options import HeatMaps

log = logging.getLogger("scanner")


class NoCandidates(Failure):
    """There was nothing to audit."""


class Interrupted(Failure):
    """Ctrl-C or SIGTERM."""

    exit_code = ExitCode.INTERRUPTED


@dataclass(frozen=True)
class Scoring:
    """What files are opened and scored with."""

    detector: Detector
    limits: Limits
    workers: int
    batch_size: int


@dataclass
class Audit:
    """Everything one run needs, resolved; :meth:`run` does it."""

    candidates: Iterable[Candidate]
    tally: Tally
    """Its ``other_files`` and ``scanignore`` are filled by the walk behind ``candidates``."""
    scoring: Scoring
    judging: Judging
    memories: Memories
    reporting: Reporting
    speaker: Speaker
    inputs: Sequence[str] = ()
    """What was asked to be scanned, as reports print it."""
    allow_empty: bool = False
    heat_maps: HeatMaps | None = None

    @property
    def progress(self) -> Progress:
        return self.speaker.progress

    def run(self) -> ExitCode:
        """Raises :class:`Failure` when the audit cannot be completed; the report is then left as it was."""
        with closing(self.progress), closing(self.memories):
            found = self._first_of_all()
            started, clock = datetime.now(UTC), time.monotonic()
            top = MostSuspicious()
            # Before any report is opened: its lock keeps out another scan into the same report.
            self.memories.begin()
            if done := self.memories.done:
                self.speaker.say(f"continuing a scan that was cut off: {done:,} files are done")
            self.progress.begin()
            try:
                detector, limits = self.scoring.detector, self.scoring.limits
                shown = partial(_previews, top, limits, detector)
                self.reporting.begin(self._facts(started), shown)
                self._drain(found, top)
                new = self.tally.verdicts - self.tally.known
                declared = self.tally.declared - self.tally.known_declared
                code = self.judging.gate.exit_code(self.tally.errors, new, declared)
                self.tally.cached = self.memories.hits
                end = RunEnd(self.tally, code, time.monotonic() - clock)
                self.reporting.end(end)
                self.reporting.publish(end, datetime.now(UTC))
            except BaseException as error:
                # The rows so far are kept, and older reports stay as they are.
                self._give_up(error)
                raise
            self.memories.finish()
        self._close(top, time.monotonic() - clock, code)
        return code

    def _first_of_all(self) -> Iterator[Candidate]:
        """The candidates. Raises :class:`NoCandidates` where there is none and there must be."""
        candidates = iter(self.candidates)
        first = next(candidates, None)
        if first is not None:
            return chain([first], candidates)
        if self.allow_empty:
            return iter(())
        others, ignored = self.tally.other_files.total(), self.tally.ignored
        raise NoCandidates(
            "there is no image to scan; check the paths and patterns, or pass --allow-empty if that is expected"
            + (f" ({others} other files seen)" if others else "")
            + (f"; left out by .scanignore: {ignored}" if ignored else "")
        )

    def _facts(self, started: datetime) -> RunFacts:
        return RunFacts(
            version=tool_version(),
            model=self.scoring.detector.facts,
            policy=self.judging.policy,
            gate=self.judging.gate,
            inputs=self.inputs,
            started=started,
            has_baseline=self.judging.baseline is not None,
            workers=self.scoring.workers,
            batch_size=self.scoring.batch_size,
        )

    def _drain(self, candidates: Iterable[Candidate], top: MostSuspicious) -> None:
        memories = self.memories
        engine = LocalEngine(
            self.scoring.detector,
            limits=self.scoring.limits,
            workers=self.scoring.workers,
            batch_size=self.scoring.batch_size,
            recognise=memories.recognise,
            parts=memories.parts,
            recall=memories.recall,
        )
        # Closed here, so that an interrupted scan leaves no thread at work behind it.
        with (
            closing(engine.results(map(memories.recall, self._counted(candidates)))) as found,
            closing(self._with_heat_maps(self._remembered(found))) as results,
        ):
            for result in results:
                judged = self.judging.judge(result)
                self.reporting.add(judged)
                self._count(judged)
                top.add(result)
                if result.container is not None:
                    self.progress.member()
                self.progress.file(result.status, judged.verdict)

    def _remembered(self, results: Iterable[FileResult]) -> Iterator[FileResult]:
        for result in results:
            self.memories.add(result)
            yield result

    def _with_heat_maps(self, results: Iterable[FileResult]) -> Generator[FileResult, None, None]:
        if self.heat_maps is None:
            yield from results
            return
        scoring = self.scoring
        mapper = self.heat_maps.mapper(scoring.detector, scoring.limits, scoring.workers, self.judging.policy)
        with closing(mapper.results(results)) as mapped:
            for result in mapped:
                self.heat_maps.count(result, self.speaker)
                yield result

    def _counted(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """As they are; the progress is told how many they were."""
        files = 0
        for files, candidate in enumerate(candidates, start=1):  # noqa: B007 - the last one counts
            yield candidate
        self.progress.total(files)

    def _count(self, judged: Judged) -> None:
        result, verdict, tally = judged.result, judged.verdict, self.tally
        tally.statuses[result.status] += 1
        tally.recalled += result.recalled
        if verdict is not None:
            tally.verdicts[verdict] += 1
            tally.known[verdict] += judged.is_known
        if result.credentials is not None:
            tally.credentials[result.credentials.state] += 1
        if result.provenance is not None:
            tally.unverified += UNVERIFIED in result.provenance.split("; ")
        if result.declared is not None:
            tally.declared[result.declared] += 1
            tally.known_declared[result.declared] += judged.is_known
        if result.error is not None:
            tally.errors[result.error] += 1
            if result.detail in NOT_FETCHED.values():
                tally.not_fetched[result.detail] += 1
            _log_problem(result)
        if (words := _not_looked_at(result)) is not None:
            log.info("%s: %s", printable(result.path), words)
        if result.unscored_faces:
            reasons = Counter(face.reason for face in result.unscored_faces)
            tally.unscored_faces += reasons
            words = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
            log.info("%s: faces without a score: %s", printable(result.path), words)

    def _give_up(self, error: BaseException) -> None:
        kept = self.reporting.abandon()
        self.progress.close()
        where = f"; the rows so far are in {printable(str(kept[0]))}" if kept else ""
        if self.memories.continues:
            where += "; the same command continues"
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"interrupted after {self.tally.files:,} files{where}") from None
        if isinstance(error, Failure) and where:
            self.speaker.say(f"stopped after {self.tally.files:,} files{where}")

    def _close(self, top: MostSuspicious, seconds: float, code: ExitCode) -> None:
        model, workers = self.scoring.detector.facts, self.scoring.workers
        for line in summary_lines(
            model, self.judging.policy, self.tally, top, seconds=seconds, workers=workers
        ):
            self.speaker.say(line)
        for notice in notices_of(self.tally.left_out_of_sarif):
            tell = self.speaker.warn if notice.level == "warning" else self.speaker.say
            tell(f"SARIF report: {notice.text}")
        if self.heat_maps is not None:
            self.speaker.say(self.heat_maps.summary())
        paths = [printable(str(target.path)) for target in self.reporting.targets if target.path is not None]
        if paths:
            manifest = self.reporting.manifest
            beside = f" (how it was made: {printable(str(manifest))})" if manifest is not None else ""
            self.speaker.say(f"report: {', '.join(paths)}{beside}")
        if code is ExitCode.INCOMPLETE:
            gate = self.judging.gate
            log.error(
                "the audit is not complete: %d files could not be scored, --max-errors allows %d",
                gate.errors(self.tally.errors),
                gate.max_errors,
            )
            for words, number in self.tally.not_fetched.items():
                log.error("%d of them: %s", number, words)


def _not_looked_at(result: FileResult) -> str | None:
    """Of a picture with more frames than are looked at."""
    asked = None if result.coverage is None else result.coverage.frames_asked
    if asked is None or result.frames is None or result.frames <= asked:
        return None
    return f"the first {asked:,} of {result.frames:,} frames were looked at (--max-frames)"


def _previews(top: MostSuspicious, limits: Limits, detector: Detector) -> Iterator[Preview | None]:
    return previews(top.results(), reading_of(detector, limits))


def _log_problem(result: FileResult) -> None:
    level = logging.INFO if result.status is Status.SKIPPED else logging.WARNING
    code = result.error.value if result.error is not None else ""
    detail = f" ({printable(result.detail)})" if result.detail else ""
    log.log(level, "%s: %s%s", printable(result.path), code, detail)

"""The reports of one run and their manifest: opened together, and all of them appear or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from scanner.judgement.judging import Judged
from scanner.reports.formats import Target, name_beside
from scanner.reports.manifest import build_manifest, looks_like_manifest, manifest_bytes
from scanner.reports.redaction import redacted_facts, redacted_manifest, redacted_result
from scanner.reports.report import Report, ReportContext, RunEnd, RunFacts
from scanner.reports.sinks import Sink, open_sink
from scanner.results.preview import Preview


@dataclass
class Reporting:
    """Raises :class:`models.support.errors.OutputError` when one of the files cannot be written."""

    targets: Sequence[Target]
    manifest: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the user asked for, for the manifest."""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    """Where options came from, for the manifest."""
    thumbnails: bool = True
    """Of the most suspicious files, in an HTML report."""
    sarif_known: bool = False
    """Keep what the baseline knows in SARIF reports."""
    redact: bool = False
    """Write reports and manifest that name no file."""
    _facts: RunFacts = field(init=False)
    _sinks: list[Sink] = field(default_factory=list, init=False)
    _reports: list[Report] = field(default_factory=list, init=False)
    _rows: int = field(default=0, init=False)

    def begin(self, facts: RunFacts, previews: Callable[[], Iterable[Preview | None]]) -> None:
        """Open every report; after a failure :meth:`abandon` gives up those that were opened before it."""
        self._facts = facts
        shown = redacted_facts(facts) if self.redact else facts
        context = ReportContext(shown, previews if self.thumbnails else None, self.sarif_known)
        for target in self.targets:
            self._sinks.append(open_sink(target.path, target.format.looks_like))
            self._reports.append(target.format.make(self._sinks[-1], context))
        for report in self._reports:
            report.begin()

    def add(self, judged: Judged) -> None:
        self._rows += 1
        if self.redact:
            judged = replace(judged, result=redacted_result(judged.result, self._rows))
        for report in self._reports:
            report.add(judged)

    def end(self, end: RunEnd) -> None:
        for report in self._reports:
            report.end(end)

    def publish(self, end: RunEnd, finished: datetime) -> None:
        """Let the reports and their manifest appear: the manifest is on the disk before the first is renamed."""
        if self.manifest is None:
            for sink in self._sinks:
                sink.commit()
            return
        manifest = build_manifest(
            self._facts,
            end,
            options=self.options,
            configuration=self.configuration,
            finished=finished,
            reports=self._hashes(self.manifest.parent),
        )
        if self.redact:
            manifest = redacted_manifest(manifest)
        beside = open_sink(self.manifest, looks_like_manifest)
        try:
            beside.write(manifest_bytes(manifest))
            for sink in self._sinks:
                sink.commit()
            beside.commit()
        except BaseException:
            # A manifest describes a report that is there.
            if (left := beside.abandon()) is not None:
                left.unlink(missing_ok=True)
            raise

    def abandon(self) -> list[Path]:
        """Leave older reports as they were; where the rows so far are kept."""
        return [path for path in (sink.abandon() for sink in self._sinks) if path is not None]

    def _hashes(self, folder: Path) -> dict[str, str]:
        """By the name that leads from the manifest to the report."""
        return {
            name_beside(target.path, folder)
            if target.path is not None and target.is_file
            else sink.name: sink.sha256()
            for target, sink in zip(self.targets, self._sinks, strict=True)
        }

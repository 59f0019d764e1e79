"""The files that one run writes, settled before anything is loaded.

Hours of scanning must not end at a folder that does not exist, and no output may stand where evidence does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from models.errors import OutputError
from scanner.console import looks_like_log
from scanner.journal.journal import journal_path, looks_like_journal
from scanner.reports.base import check_target, is_stream, partial_path, real_target
from scanner.reports.csv_report import looks_like_report
from scanner.reports.manifest import looks_like_manifest, manifest_path


@dataclass(frozen=True)
class Outputs:
    """Where report, manifest and log go."""

    report: Path | None
    """``None`` is standard output."""
    manifest: Path | None
    log: Path | None

    @property
    def journal(self) -> Path | None:
        """Beside a report that is a file: a stream cannot be taken back and written anew."""
        return None if self.report is None or is_stream(self.report) else journal_path(self.report)

    @classmethod
    def settle(cls, out: str, manifest: Path | None, log: Path | None) -> Outputs:
        """From the options; a report that is a file has a manifest beside it.

        Raises :class:`OutputError` when one of them cannot or must not be written.
        """
        report = None if out == "-" else real_target(Path(out))
        if manifest is not None:
            manifest = real_target(manifest)
        elif report is not None and not is_stream(report):
            manifest = manifest_path(report)
        outputs = cls(report, manifest, log)
        outputs._check()
        return outputs

    def own_files(self) -> list[str]:
        """Absolute paths of all that the run writes, for the walk to leave out."""
        files = [path for path in (self.report, self.manifest) if path is not None]
        files += [partial_path(path) for path in files]
        files += [path for path in (self.journal, self.log) if path is not None]
        # Not resolved: the walk compares places, in which a link is what lies in its folder.
        return [os.path.abspath(path) for path in files]  # noqa: PTH100

    def _check(self) -> None:
        seen: dict[Path, str] = {}
        named = (
            ("--out", self.report),
            ("the journal of --out", self.journal),
            ("--manifest", self.manifest),
            ("--log-file", self.log),
        )
        for option, path in named:
            if path is not None and not is_stream(path):
                other = seen.setdefault(path.resolve(), option)
                if other is not option:
                    raise OutputError(f"{other} and {option} name the same file, {path}")
        if self.report is not None:
            check_target(self.report, looks_like_report)
        if self.journal is not None:
            check_target(self.journal, looks_like_journal, append=True)
        if self.manifest is not None:
            check_target(self.manifest, looks_like_manifest)
        if self.log is not None:
            check_target(self.log, looks_like_log, append=True)

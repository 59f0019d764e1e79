"""The files that one run writes, settled before anything is loaded.

Hours of scanning must not end at a folder that does not exist, and no output may stand where evidence does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.support.errors import OutputError
from scanner.memory.journal import journal_path, looks_like_journal
from scanner.reports.formats import Target, format_named, format_of
from scanner.reports.manifest import looks_like_manifest, manifest_path
from scanner.reports.sinks import check_target, is_stream, partial_path, real_target
from scanner.terminal.log import looks_like_log


@dataclass(frozen=True)
class Outputs:
    """Where reports, manifest and log go."""

    reports: tuple[Target, ...]
    manifest: Path | None
    log: Path | None

    @property
    def journal(self) -> Path | None:
        """Beside the first report that is a file: a stream cannot be taken back and written anew."""
        first = self._first_file()
        return None if first is None else journal_path(first)

    @classmethod
    def settle(
        cls, outs: Sequence[str], manifest: Path | None, log: Path | None, formats: Sequence[str] = ()
    ) -> Outputs:
        """From the options; beside the first report that is a file stands a manifest.

        ``formats``, if any, are those of ``outs`` in their order. Raises :class:`OutputError` when one of them
        cannot or must not be written.
        """
        if formats and len(formats) != len(outs):
            raise OutputError(
                f"--format is given {len(formats)} times for {len(outs)} --out; give one for each, or none"
            )
        paths = [None if out == "-" else real_target(Path(out)) for out in outs]
        for path in paths:
            if path is not None and path.is_dir():
                check_target(path, format_named("csv").looks_like)  # says that it is a folder
        chosen = list(formats) or [format_of(path) for path in paths]
        reports = tuple(Target(path, name) for path, name in zip(paths, chosen, strict=True))
        outputs = cls(reports, None if manifest is None else real_target(manifest), log)
        first = outputs._first_file()
        if manifest is None and first is not None:
            outputs = replace(outputs, manifest=manifest_path(first))
        outputs._check()
        return outputs

    def own_files(self, *folders: Path | None) -> list[str]:
        """Absolute paths of all that the run writes, for the walk to leave out; ``folders`` with all in them."""
        files = [path for path in (*self._report_paths(), self.manifest) if path is not None]
        files += [partial_path(path) for path in files]
        files += [path for path in (self.journal, self.log, *folders) if path is not None]
        # Not resolved: the walk compares places, in which a link is what lies in its folder.
        return [os.path.abspath(path) for path in files]  # noqa: PTH100

    def _first_file(self) -> Path | None:
        return next((target.path for target in self.reports if target.is_file), None)

    def _report_paths(self) -> list[Path | None]:
        return [target.path for target in self.reports]

    def _check(self) -> None:
        if self._report_paths().count(None) > 1:
            raise OutputError("standard output can take one report; name files for the others")
        seen: dict[Path, str] = {}
        named = (
            *(("--out", path) for path in self._report_paths()),
            ("the journal of --out", self.journal),
            ("--manifest", self.manifest),
            ("--log-file", self.log),
        )
        for option, path in named:
            if path is not None and not is_stream(path):
                resolved = path.resolve()
                if resolved in seen:
                    raise OutputError(f"{seen[resolved]} and {option} name the same file, {path}")
                seen[resolved] = option
        for target in self.reports:
            if target.path is not None:
                check_target(target.path, target.format.looks_like)
        if self.journal is not None:
            check_target(self.journal, looks_like_journal, append=True)
        if self.manifest is not None:
            check_target(self.manifest, looks_like_manifest)
        if self.log is not None:
            check_target(self.log, looks_like_log, append=True)

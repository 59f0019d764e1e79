"""Whether reports, model and media are still what a run manifest says.

It shows accidental change. Against intent, keep the manifest's own SHA-256 elsewhere, or sign it.
"""

from __future__ import annotations

import csv
import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.support.errors import ExitCode, Failure, ModelFileError
from models.weights import resolve_model, sha256_file
from scanner.reports.csv import looks_like_report
from scanner.reports.manifest import looks_like_manifest
from scanner.results.names import decode_path, printable


class VerifyError(Failure):
    """Nothing can be checked."""


def verify(manifest: Path, *, files: bool, model: Path | None, say: Callable[[str], None]) -> ExitCode:
    """Check the reports, the model and, with ``files``, every file that has a hash in a CSV report.

    Says each thing that changed; 0 if nothing did, 1 if something did. Raises :class:`VerifyError` for a manifest
    that is none, or that leaves nothing to check the files by.
    """
    content = _read_manifest(manifest)
    if files and content.get("redacted"):
        raise VerifyError(
            f"the names in {manifest} were redacted: files can be checked by their SHA-256 only with the true report, "
            "that of a scan without --redact-paths; leave out --files to check reports and model"
        )
    changes = _Changes(say)
    say(f"{manifest}: SHA-256 {sha256_file(manifest)}")
    reports = {manifest.parent / name: digest for name, digest in content["reports"].items() if name != "-"}
    for path, digest in reports.items():
        changes.check("report", str(path), path, digest)
    _check_model(content["model"], model, changes)
    if files:
        tables = [path for path in reports if path.is_file() and _is_csv(path)]
        if not tables:
            raise VerifyError(f"{manifest} names no CSV report that is there; --files needs one")
        _check_files(tables[0], changes)
    return changes.close()


class _Changes:
    """What was checked and what came of it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._same: Counter[str] = Counter()
        self._different = 0

    def check(self, what: str, name: str, path: Path, digest: str) -> None:
        try:
            actual = sha256_file(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self.tell(f"{what} missing: {printable(name)} ({reason})")
            return
        self.compare(what, name, actual, digest)

    def compare(self, what: str, name: str, actual: str, digest: str) -> None:
        if actual == digest:
            self._same[what] += 1
        else:
            self.tell(f"{what} changed: {printable(name)} (SHA-256 {actual}, was {digest})")

    def tell(self, line: str) -> None:
        self._different += 1
        self._say(line)

    def close(self) -> ExitCode:
        same = ", ".join(f"{count:,} {what}{'s' * (count > 1)}" for what, count in self._same.items())
        self._say(f"unchanged: {same or 'nothing'}; changed or missing: {self._different:,}")
        return ExitCode.FINDINGS if self._different else ExitCode.OK


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes().removeprefix(BOM_UTF8)  # an editor may have left one
    except OSError as error:
        raise VerifyError(f"the manifest {path} cannot be read: {error.strerror}") from None
    try:
        content = json.loads(raw) if raw and looks_like_manifest(raw[:256]) else None
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"reports", "model"} <= content.keys():
        raise VerifyError(f"{path} is no run manifest; name the .run.json that stands beside a report")
    return content


def _check_model(facts: dict[str, Any], model: Path | None, changes: _Changes) -> None:
    try:
        path, actual = resolve_model(model)
    except ModelFileError as error:
        changes.tell(f"model missing: {error}")
        return
    if model is None and path.name != facts["file"] and actual != facts["sha256"]:
        changes.tell(f"model not checked: the scan used {facts['file']}; name it with --model FILE")
        return
    changes.compare("model", str(path), actual, facts["sha256"])


def _check_files(table: Path, changes: _Changes) -> None:
    checked: tuple[str, str | None] = ("", None)
    with table.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            # Of a member, the container that it was read from: with the same bytes it holds the same.
            path, container = decode_path(row["path"]), row.get("container")
            if container and (path, container) == checked:
                continue
            checked = (path, container)
            digest = container or row.get("sha256")
            if digest:
                changes.check("file", str(path) if container else row["path"], Path(path), digest)


def _is_csv(path: Path) -> bool:
    with path.open("rb") as stream:
        return looks_like_report(stream.read(256).removeprefix(BOM_UTF8))

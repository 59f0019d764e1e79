"""Findings that are known already: a report of an earlier scan, matched by the content of the files."""

from __future__ import annotations

import csv
from pathlib import Path

from models.support.errors import Failure
from scanner.judgement.policy import Verdict
from scanner.results import FileResult

_SEVERITY = {Verdict.INCONCLUSIVE: 1, Verdict.FAKE: 2}


class BaselineError(Failure):
    """The baseline cannot be read, or is no report."""


class Baseline:
    """SHA-256 and verdict of each finding: some 100 bytes of memory for each."""

    def __init__(self, known: dict[bytes, int]) -> None:
        self._known = known

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """From a CSV report of any threshold. Raises :class:`BaselineError`."""
        known: dict[bytes, int] = {}
        try:
            # Spreadsheets and editors of Windows begin a file with a byte-order mark.
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = csv.DictReader(stream)
                if not {"path", "verdict", "sha256"} <= set(rows.fieldnames or ()):
                    raise BaselineError(f"{path} is no CSV report of a scan; name one with --baseline")
                for row in rows:
                    if row["verdict"] in (Verdict.FAKE, Verdict.INCONCLUSIVE) and row["sha256"]:
                        digest = bytes.fromhex(row["sha256"])
                        known[digest] = max(known.get(digest, 0), _SEVERITY[Verdict(row["verdict"])])
        except OSError as error:
            raise BaselineError(f"the baseline {path} cannot be read: {error.strerror}") from None
        except (ValueError, csv.Error) as error:
            raise BaselineError(f"the baseline {path} is damaged: {error}; write it anew with scan") from None
        return cls(known)

    def __len__(self) -> int:
        return len(self._known)

    def knows(self, result: FileResult, verdict: Verdict | None) -> bool:
        """Whether these bytes had this verdict, or a graver one, already."""
        severity = 0 if verdict is None else _SEVERITY.get(verdict, 0)
        if not severity or result.sha256 is None:
            return False
        return self._known.get(bytes.fromhex(result.sha256), 0) >= severity

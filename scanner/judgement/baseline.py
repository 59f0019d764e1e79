"""Findings that are known already: a report of an earlier scan, matched by the content of the files."""

from __future__ import annotations

import csv
from pathlib import Path

from models.support.errors import Failure
from scanner.judgement.policy import Verdict
from scanner.results import Declared, FileResult

_SEVERITY = {Verdict.INCONCLUSIVE: 1, Verdict.FAKE: 2}


class BaselineError(Failure):
    """The baseline cannot be read, or is no report."""


class Baseline:
    """SHA-256 and verdict of each finding: some 100 bytes of memory for each."""

    def __init__(self, known: dict[bytes, int], generated: set[bytes] | None = None) -> None:
        """``generated``: of the files that say so of themselves."""
        self._known, self._generated = known, generated or set()

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """From a CSV report of any threshold. Raises :class:`BaselineError`."""
        known: dict[bytes, int] = {}
        generated: set[bytes] = set()
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
                    # Reports of before had no such column.
                    if row.get("declared") == Declared.GENERATED and row["sha256"]:
                        generated.add(bytes.fromhex(row["sha256"]))
        except OSError as error:
            raise BaselineError(f"the baseline {path} cannot be read: {error.strerror}") from None
        except (ValueError, csv.Error) as error:
            raise BaselineError(f"the baseline {path} is damaged: {error}; write it anew with scan") from None
        return cls(known, generated)

    def __len__(self) -> int:
        return len(self._known.keys() | self._generated)

    def knows(self, result: FileResult, verdict: Verdict | None, declared: bool = False) -> bool:
        """Whether these bytes had this verdict, or a graver one, already; and said of themselves that they are
        generated, if that is a finding (``declared``), too."""
        severity = 0 if verdict is None else _SEVERITY.get(verdict, 0)
        if not (severity or declared) or result.sha256 is None:
            return False
        digest = bytes.fromhex(result.sha256)
        return self._known.get(digest, 0) >= severity and (not declared or digest in self._generated)

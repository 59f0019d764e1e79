"""What the tests of journal are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.memory import journal_path
from scanner.results import FileResult, Finding, Stamp, Status
from scanner.sources import Candidate, MediaKind


@pytest.fixture
def old_file(tmp_path: Path) -> Callable[[str], tuple[Candidate, FileResult]]:
    """A file that counts as settled, as a candidate and with a result of its own."""

    def make(name: str) -> tuple[Candidate, FileResult]:
        path = tmp_path / name
        path.write_bytes(name.encode())
        stamp = Stamp.of(path.stat())
        result = FileResult(name, Status.OK, findings=(Finding(1.5, 0.75),), stamp=stamp)
        return Candidate(str(path), name, MediaKind.IMAGE, explicit=False), result

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal_path(tmp_path / "r.csv")

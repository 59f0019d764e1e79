"""What the tests of cache are given."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a test count as settled at once."""
    monkeypatch.setattr("scanner.results.result.SETTLING_NS", -1)

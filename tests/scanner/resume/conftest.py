"""What the tests of resume are given."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cut_off_scans import FILES, Whole

from scanner.results import SETTLING_NS


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, grey: Callable[..., Path]) -> Path:
    """A folder with ``in``: many small pictures in three folders, some broken, old enough to be trusted."""
    root = tmp_path_factory.mktemp("pictures") / "in"
    originals = [grey(root / "originals" / f"{value}.png", value) for value in range(100, 220, 6)]
    (root / "originals" / "broken.png").write_bytes(originals[0].read_bytes()[:40])
    originals.append(root / "originals" / "broken.png")
    for number in range(FILES):
        folder = root / "abc"[number % 3]
        folder.mkdir(exist_ok=True)
        os.link(originals[number % len(originals)], folder / f"{number:05}.png")
    (root / "notes.txt").write_text("no picture")
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    return root


@pytest.fixture
def here(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "in").symlink_to(pictures)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


@pytest.fixture
def whole(here: Path, shell: Any) -> Whole:
    began = time.monotonic()
    assert shell("in", "--out", "whole.csv", "-q").code == 2
    report = Whole((here / "whole.csv").read_bytes())
    report.seconds = time.monotonic() - began
    assert report.count(b"\n") > FILES
    for name in ("whole.csv", "whole.run.json"):
        (here / name).unlink()
    return report

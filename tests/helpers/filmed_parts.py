"""What the tests of filmed parts share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scanner import Detector, FileResult, encode_path
from scanner.engine.local import LocalEngine
from scanner.sources import Candidate, MediaKind


def candidate(path: Path) -> Candidate:
    return Candidate(str(path), encode_path(str(path)), MediaKind.UNKNOWN, explicit=True)


def scanned(paths: list[Path], detector: Detector, workers: int = 2, **settings: Any) -> list[FileResult]:
    engine = LocalEngine(detector, workers=workers, batch_size=1, **settings)
    return list(engine.results(map(candidate, paths)))


def greys(*values: int) -> list[str]:
    return [f"grey {value}" for value in values]

"""The scanner from Python: files and folders in, results out."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable

from scanner.engine.local import LocalEngine
from scanner.inference.detector import Detector
from scanner.media import Limits
from scanner.results import FileResult
from scanner.results.names import encode_path
from scanner.sources import Candidate, MediaKind, Selection, walk


def scan_paths(
    operands: Iterable[str | os.PathLike[str]],
    detector: Detector,
    *,
    selection: Selection | None = None,
    limits: Limits | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Generator[FileResult, None, None]:
    """Scan files and folders as the ``scan`` command does; other files than media are left out in silence, and
    ``.scanignore`` files are not followed."""
    names = [os.fspath(operand) for operand in operands]
    candidates = walk(names, selection or Selection())
    return scan_candidates(candidates, detector, limits=limits, workers=workers, batch_size=batch_size)


def scan_files(
    paths: Iterable[str | os.PathLike[str]],
    detector: Detector,
    *,
    limits: Limits | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Generator[FileResult, None, None]:
    """One result per path, in order, whatever each of them is; nothing is left out or seen twice."""
    names = (os.fspath(path) for path in paths)
    candidates = (Candidate(name, encode_path(name), MediaKind.UNKNOWN, explicit=True) for name in names)
    return scan_candidates(candidates, detector, limits=limits, workers=workers, batch_size=batch_size)


def scan_candidates(
    candidates: Iterable[Candidate | FileResult],
    detector: Detector,
    *,
    limits: Limits | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Generator[FileResult, None, None]:
    """Decode and score candidates; one :class:`FileResult` each, in their order.

    A :class:`FileResult` among them is known already and comes out at its place.
    """
    engine = LocalEngine(detector, limits=limits, workers=workers, batch_size=batch_size)
    yield from engine.results(candidates)

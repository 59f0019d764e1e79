"""One file after another in this process: what every other engine must give, and a cluster's node runs.

Nothing here survives a file that crashes its decoder, and no limit of time or memory is kept.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from scanner.engine.assemble import Assembler, part_result
from scanner.engine.batches import images
from scanner.engine.engine import reading_of
from scanner.inference.detector import Detector
from scanner.media.extract import open_candidate, part_pictures
from scanner.media.limits import Limits
from scanner.media.opener import Opened, Picture, Reading
from scanner.results import FileResult
from scanner.results.parts import Gap, Looked
from scanner.sandbox.members import items_of
from scanner.sandbox.work import Extracted
from scanner.sources import Candidate


def scan_file(
    candidate: Candidate, detector: Detector, limits: Limits | None = None
) -> Generator[FileResult, None, None]:
    """The final result of one candidate, pictures scored one by one; of a container those of its members before it."""
    assembler = Assembler(detector.metadata.temperature)
    reading = reading_of(detector, limits or Limits())
    opened = open_candidate(candidate, reading)
    if opened.members is not None:
        for item in items_of(candidate, opened.result, opened.members):
            if isinstance(item, FileResult):
                yield item
            else:
                yield from scan_file(item, detector, limits)
    for extracted in _extracted(candidate, opened, reading):
        scores = [_score(detector, picture) for picture in extracted.pictures]
        result = assembler.add(extracted, part_result(extracted, scores))
        if result is not None:
            yield result


class SerialEngine:
    """The reference."""

    def __init__(self, detector: Detector, limits: Limits | None = None) -> None:
        self._detector, self._limits = detector, limits

    def results(self, items: Iterable[Candidate | FileResult]) -> Generator[FileResult, None, None]:
        for item in items:
            if isinstance(item, FileResult):
                yield item
            else:
                yield from scan_file(item, self._detector, self._limits)


def _extracted(candidate: Candidate, opened: Opened, reading: Reading) -> Iterator[Extracted]:
    if not opened.parts:
        yield Extracted(opened.result, opened.pictures)
        return
    for index, part in enumerate(opened.parts):
        found = list(part_pictures(candidate, part, reading))
        gap = next((one for one in found if isinstance(one, Gap)), None)
        pictures = () if gap is not None else tuple(one for one in found if isinstance(one, Picture))
        looked = next((one for one in found if isinstance(one, Looked)), None)
        yield Extracted(opened.result, pictures, index, len(opened.parts), gap, looked=looked)


def _score(detector: Detector, picture: Picture) -> tuple[float, float]:
    logit, prob_fake = detector.score(images([picture], detector.spec))
    return float(logit[0]), float(prob_fake[0])

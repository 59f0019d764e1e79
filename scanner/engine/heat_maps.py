"""Heat maps of results: the file is decoded once more and run through the same graph, a finding at a time.

So a result from the journal or the cache gets the same map as a new one, and no score depends on the option.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from scanner.engine.batches import images
from scanner.engine.engine import reading_of
from scanner.engine.local import ordered_map, threads
from scanner.engine.previews import of_one_file
from scanner.inference.detector import Detector
from scanner.media import Limits
from scanner.media.opener import Picture
from scanner.results import FileResult, Finding
from scanner.results.heat_map import Grid, HeatMap
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted
from scanner.sources import again

SAME_LOGIT = 0.1
"""A map whose own logit is further from the finding's is not that finding's; another batch size or a GPU moves less."""
DECIMALS = 6
_GROUP = 64
"""Results that wait for one another, so that files are decoded side by side."""


@dataclass(frozen=True)
class Mapped:
    """A finding's map, and what it is drawn over."""

    result: FileResult
    number: int
    """Of the finding, from 1."""
    pixels: bytes
    """``uint8[size, size, 3]``, as the model saw it."""
    grid: Grid

    @property
    def finding(self) -> Finding:
        return self.result.findings[self.number - 1]


class _Task(NamedTuple):
    """A part of a file, which was read again."""

    result: FileResult
    first: int
    """The finding that its first picture is of, from 0."""
    seen: Extracted


class HeatMapper:
    """Of one run."""

    def __init__(
        self,
        detector: Detector,
        limits: Limits,
        workers: int,
        *,
        wanted: Callable[[FileResult], bool],
        keep: Callable[[Mapped], None],
    ) -> None:
        """``keep`` is called from several threads; what it raises ends the run."""
        self._detector, self._limits, self._workers = detector, limits, workers
        self._wanted, self._keep = wanted, keep

    def results(self, results: Iterable[FileResult]) -> Generator[FileResult, None, None]:
        """The same, in order; each finding of those that are wanted has a :class:`HeatMap`."""
        reading = replace(reading_of(self._detector, self._limits), verification=None)
        with (
            DecodePool(self._workers, reading) as decoders,
            threads(self._workers, "map") as pool,
        ):

            def mapped(group: Sequence[FileResult]) -> Iterator[FileResult]:
                tasks = self._tasks(decoders, [one for one in group if self._wanted(one)])
                parts = ordered_map(pool, self._maps, tasks, window=self._workers + 1)
                for result in group:
                    yield self._whole(result, parts) if self._wanted(result) else result

            waiting: list[FileResult] = []
            for result in results:
                if not waiting and not self._wanted(result):
                    yield result
                    continue
                waiting.append(result)
                if len(waiting) == _GROUP:
                    yield from mapped(waiting)
                    waiting = []
            yield from mapped(waiting)

    def _tasks(self, decoders: DecodePool, wanted: Sequence[FileResult]) -> Iterator[_Task]:
        candidates = [again(result) for result in wanted]
        extracted = decoders.decode(candidates) if candidates else iter(())
        for result in wanted:
            first = 0
            for seen in of_one_file(extracted):
                yield _Task(result, first, seen)
                first += len(seen.pictures)

    def _maps(self, task: _Task) -> tuple[list[HeatMap], bool]:
        """Of a part's findings, and whether it is the file's last part."""
        result, first, seen = task
        if seen.result.sha256 != result.sha256:
            maps = [HeatMap(None, "the file has changed since it was scored, or is gone")]
        elif not seen.pictures and seen.parts is None:
            maps = [HeatMap(None, "the file could not be read once more")]
        else:
            maps = [
                self._map(result, number, picture) for number, picture in enumerate(seen.pictures, first + 1)
            ]
        return maps, seen.is_last

    def _map(self, result: FileResult, number: int, picture: Picture) -> HeatMap:
        finding = result.findings[number - 1] if number <= len(result.findings) else None
        if finding is None or _place(finding) != (picture.where.region, picture.where.frame):
            return HeatMap(None, "other faces or frames were found than when it was scored")
        scores, cam = self._detector.cams(images([picture], self._detector.spec))
        if not abs(float(scores.logit[0]) - finding.logit) <= SAME_LOGIT:
            return HeatMap(None, "the model scores it otherwise than before")
        grid = tuple(tuple(round(value, DECIMALS) for value in row) for row in cam[0].tolist())
        self._keep(Mapped(result, number, picture.pixels, grid))
        return HeatMap(grid)

    def _whole(self, result: FileResult, parts: Iterator[tuple[list[HeatMap], bool]]) -> FileResult:
        maps: list[HeatMap] = []
        for some, is_last in parts:
            maps += some
            if is_last:
                break
        missing = maps[-1] if maps and maps[-1].grid is None else HeatMap(None, "a part could not be read")
        maps += [missing] * (len(result.findings) - len(maps))
        findings = zip(result.findings, maps, strict=False)
        return replace(result, findings=tuple(replace(one, heat_map=heat_map) for one, heat_map in findings))


def _place(finding: Finding) -> tuple[object, int]:
    return finding.region, finding.frame

"""The files with the highest ``prob_fake``, for the summary and for pages that people read."""

from __future__ import annotations

import heapq

from scanner.results import FileResult

MOST_SUSPICIOUS = 5
"""As many as a terminal is for."""


class MostSuspicious:
    """Those so far; of equals, those that came first."""

    def __init__(self, keep: int = MOST_SUSPICIOUS) -> None:
        self._keep = keep
        self._heap: list[tuple[float, int, FileResult]] = []
        self._seen = 0

    def add(self, result: FileResult) -> None:
        if result.prob_fake is None:
            return
        self._seen += 1
        entry = (result.prob_fake, -self._seen, result)
        if len(self._heap) < self._keep:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def results(self) -> list[FileResult]:
        """Highest first."""
        return [result for _, _, result in sorted(self._heap, reverse=True)]

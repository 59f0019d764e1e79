"""The files with the highest ``prob_fake``, for the summary, for pages that people read and for readers with limits."""

from __future__ import annotations

import heapq
from typing import Any, Generic, TypeVar

from scanner.results import FileResult

T = TypeVar("T")

MOST_SUSPICIOUS = 24
"""As many as a page shows pictures of."""


class Ranking(Generic[T]):
    """The items with the highest keys so far; of equals, those that came first."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._heap: list[tuple[Any, int, T]] = []
        self._seen = 0

    def admits(self, key: Any) -> bool:
        """Whether an item with this key would be kept; all keys of a ranking can be compared."""
        return len(self._heap) < self._keep or (self._keep > 0 and key > self._heap[0][0])

    def add(self, key: Any, item: T) -> None:
        self._seen += 1
        entry = (key, -self._seen, item)
        if len(self._heap) < self._keep:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def items(self) -> list[T]:
        """Highest first."""
        return [item for _, _, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


class MostSuspicious:
    """Those so far; of equals, those that came first."""

    def __init__(self, keep: int = MOST_SUSPICIOUS) -> None:
        self._ranking: Ranking[FileResult] = Ranking(keep)

    def add(self, result: FileResult) -> None:
        if result.prob_fake is not None:
            self._ranking.add(result.prob_fake, result)

    def results(self) -> list[FileResult]:
        """Highest first."""
        return self._ranking.items()

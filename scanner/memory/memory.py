"""All that may know a result before the file is read, behind one door: the journal first, then the cache."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from scanner.memory.journal import Journal
from scanner.results import FileResult
from scanner.sources import Candidate

if TYPE_CHECKING:
    from scanner.memory.cache import Cache


class Memory(Protocol):
    """One of them."""

    def recall(self, candidate: Candidate) -> FileResult | None:
        """By what the file system says; nothing is opened."""
        ...

    def add(self, result: FileResult) -> None:
        """Told of every result, its own included. Raises :class:`models.support.errors.OutputError`."""
        ...

    def close(self) -> None: ...


class Memories:
    """Those of one run. Close it, whatever happens."""

    def __init__(
        self, *, open_journal: Callable[[], Journal] | None = None, cache: Cache | None = None
    ) -> None:
        """``open_journal`` is ``None`` for a report that is a stream, which cannot be written anew."""
        self._open_journal, self._cache = open_journal, cache
        self._journal: Journal | None = None
        self._all: list[Memory] = [] if cache is None else [cache]

    def begin(self) -> None:
        """Open the journal, whose lock keeps out another scan into the same report; raises what that raises."""
        if self._open_journal is not None:
            self._journal = self._open_journal()
            self._all.insert(0, self._journal)

    @property
    def done(self) -> int:
        """Files that an earlier run, which was cut off, has done."""
        return 0 if self._journal is None else self._journal.done

    @property
    def continues(self) -> bool:
        """Whether the same command goes on where this run stops."""
        return self._journal is not None

    @property
    def hits(self) -> int:
        """Results that the cache knew."""
        return 0 if self._cache is None else self._cache.hits

    def recall(self, candidate: Candidate) -> Candidate | FileResult:
        """The candidate itself, if it is not known."""
        for memory in self._all:
            if (known := memory.recall(candidate)) is not None:
                return known
        return candidate

    @property
    def recognise(self) -> Callable[[FileResult], FileResult | None] | None:
        """Knows a file by its content; ``None`` if nothing does."""
        return None if self._cache is None else self._cache.recognise

    @property
    def parts(self) -> Journal | None:
        """Keeps the finished parts of files that are not finished."""
        return self._journal

    def add(self, result: FileResult) -> None:
        for memory in self._all:
            memory.add(result)

    def finish(self) -> None:
        """The reports are there: nothing is left to continue."""
        if self._journal is not None:
            self._journal.remove()

    def close(self) -> None:
        with ExitStack() as stack:
            for memory in reversed(self._all):
                stack.callback(memory.close)

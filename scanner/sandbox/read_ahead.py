"""An iterable read ahead in a thread, so that a slow walk or an unfinished list never holds up what is ready."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE = 0.5
"""Seconds that closing waits for the thread, which may be in the middle of reading a list that never ends."""


class ReadAhead(Generic[T]):
    """At most ``limit`` items that have been read and not taken. :attr:`wake` is readable when something has come
    where nothing was.

    The thread is a daemon: a list on standard input may never end.
    """

    def __init__(self, items: Iterable[T], limit: int) -> None:
        self._items, self._limit = items, limit
        self._ready: deque[T] = deque()
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self._changed = threading.Condition()
        self.wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(self.wake, False)
        self._thread = threading.Thread(target=self._read, name="walk", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether everything has been read and taken."""
        with self._changed:
            return self._ended and not self._ready and self._error is None

    def take(self, most: int) -> list[T]:
        """Up to ``most`` items that are there; raises what reading raised, once all before it is taken."""
        with self._changed:
            with contextlib.suppress(BlockingIOError):
                while len(os.read(self.wake, 4096)) == 4096:
                    pass
            taken = [self._ready.popleft() for _ in range(min(most, len(self._ready)))]
            self._changed.notify()
            if not taken and self._error is not None:
                error, self._error = self._error, None
                raise error
            return taken

    def close(self) -> None:
        """Read no further."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
            os.close(self.wake)
            os.close(self._waker)
        self._thread.join(_PATIENCE)

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped or len(self._ready) < self._limit)
                    if self._stopped:
                        return
                    self._ready.append(item)
                    if len(self._ready) == 1:
                        self._tell()
        except BaseException as caught:  # noqa: BLE001 - raised again by take(), in the thread that asked
            error = caught
        with self._changed:
            self._error, self._ended = error, True
            if not self._stopped:
                self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full of unread wake-ups: one is enough
            os.write(self._waker, b"\0")

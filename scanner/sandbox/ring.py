"""Memory that the run and one decoder share. It has no name, so nothing is left behind whatever is killed."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

SLOTS = 32
"""Pictures on their way from one decoder. It waits for the run when all are full."""

_HEADER = 64


def new_file(picture_bytes: int) -> int:
    """A file descriptor of a ring's size, without a name; the caller closes it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("scan-pixels")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, _size(picture_bytes))
    return descriptor


class Ring:
    """``SLOTS`` pictures, and the number of the task that the decoder has in hand."""

    def __init__(self, descriptor: int, picture_bytes: int) -> None:
        self._memory = mmap.mmap(descriptor, _size(picture_bytes))
        self._picture_bytes = picture_bytes
        self._count = memoryview(self._memory)[:8].cast("q")
        self._aside = memoryview(self._memory)[8:16].cast("q")

    @property
    def begun(self) -> int:
        """How many tasks the decoder has begun, since it started."""
        return self._count[0]

    def begin(self) -> None:
        """The decoder begins the next task."""
        self._aside[0] = 0
        self._count[0] += 1

    @property
    def is_aside(self) -> bool:
        """Whether the decoder is, or ended, at work beside the picture."""
        return self._aside[0] != 0

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The decoder works beside the picture."""
        self._aside[0] = 1
        yield
        self._aside[0] = 0

    def put(self, slot: int, pixels: bytes) -> None:
        """Raises ``IndexError`` for bytes that are not a picture's."""
        self._memory[self._at(slot)] = pixels

    def take(self, slot: int) -> bytes:
        """A copy: the slot is written again."""
        return self._memory[self._at(slot)]

    def _at(self, slot: int) -> slice:
        start = _HEADER + slot * self._picture_bytes
        return slice(start, start + self._picture_bytes)


def _size(picture_bytes: int) -> int:
    return _HEADER + SLOTS * picture_bytes

"""Memory that the run and one decoder share. It has no name, so nothing is left behind whatever is killed."""

from __future__ import annotations

import mmap
import os
import tempfile

from models.contract import IMAGE_SIZE

CHUNK = 16
"""At most so many files travel together."""
SLOTS = 2
"""Chunks that a decoder may have: one in work, one that waits or is being read."""

_HEADER = 64
_IMAGE_BYTES = IMAGE_SIZE * IMAGE_SIZE * 3
SLAB_BYTES = _HEADER + SLOTS * CHUNK * _IMAGE_BYTES


def new_file() -> int:
    """A file descriptor of that many bytes, without a name; the caller closes it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("scan-pixels")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, SLAB_BYTES)
    return descriptor


class Slab:
    """Pixels ``uint8[SLOTS, CHUNK, 260, 260, 3]`` and the number of the file that the decoder has in hand."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, SLAB_BYTES)
        self._count = memoryview(self._memory)[:8].cast("q")

    @property
    def begun(self) -> int:
        """How many files the decoder has begun, since it started."""
        return self._count[0]

    def begin(self) -> None:
        """The decoder begins the next file."""
        self._count[0] += 1

    def put(self, slot: int, place: int, pixels: bytes) -> None:
        """Raises ``IndexError`` for bytes that are not an image's."""
        self._memory[_at(slot, place)] = pixels

    def take(self, slot: int, place: int) -> bytes:
        """A copy: the slot is written again."""
        return self._memory[_at(slot, place)]


def _at(slot: int, place: int) -> slice:
    start = _HEADER + (slot * CHUNK + place) * _IMAGE_BYTES
    return slice(start, start + _IMAGE_BYTES)

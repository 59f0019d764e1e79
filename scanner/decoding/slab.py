"""Memory that the run and one decoder share. It has no name, so nothing is left behind whatever is killed."""

from __future__ import annotations

import mmap
import os
import tempfile

import numpy as np
import numpy.typing as npt

from models.contract import IMAGE_SIZE

CHUNK = 16
"""At most so many files travel together."""
SLOTS = 2
"""Chunks that a decoder may have: one in work, one that waits or is being read."""

_HEADER = 64
_IMAGE_SHAPE = (IMAGE_SIZE, IMAGE_SIZE, 3)
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
        self._count = np.frombuffer(self._memory, np.int64, count=1)
        pixels = np.frombuffer(self._memory, np.uint8, offset=_HEADER)
        self._pixels = pixels.reshape(SLOTS, CHUNK, *_IMAGE_SHAPE)

    @property
    def begun(self) -> int:
        """How many files the decoder has begun, since it started."""
        return int(self._count[0])

    def begin(self) -> None:
        """The decoder begins the next file."""
        self._count[0] += 1

    def put(self, slot: int, place: int, pixels: npt.NDArray[np.uint8]) -> None:
        self._pixels[slot, place] = pixels

    def take(self, slot: int, place: int) -> npt.NDArray[np.uint8]:
        """A copy: the slot is written again."""
        copied: npt.NDArray[np.uint8] = self._pixels[slot, place].copy()
        return copied

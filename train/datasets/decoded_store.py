"""Decoded pictures kept in memory at their own size, so that each file is decoded once and not once per epoch."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.preprocessing import ImageError, decode_image
from models.support.errors import DataError
from models.support.machine import available_memory
from train.datasets.tree import LabelledImage

_SLAB_BYTES = 256 * 2**20
_SHARE_OF_MEMORY = 0.5
"""Of what is available at the start; the rest is for the network, its gradients and the workers."""


@dataclass(frozen=True)
class _Place:
    slab: int
    offset: int
    width: int
    height: int


class Pictures:
    """Upright RGB pictures by relative path; those that do not fit into ``limit`` bytes are read from their files.

    The memory is anonymous and shared, so worker processes that are forked read it without a copy. Workers that are
    started in another way get an empty store, and read the files.
    """

    def __init__(self, limit: int | None = None) -> None:
        """``limit``: ``None`` for half of the memory that is available now, 0 to keep nothing."""
        if limit is None:
            limit = int(_SHARE_OF_MEMORY * (available_memory() or 0))
        self.limit = limit
        self.bytes = 0
        self._full = limit == 0
        self._slabs: list[mmap.mmap] = []
        self._left = 0
        """Bytes that the last slab still has."""
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, image: LabelledImage) -> bool:
        return image.relative in self._places

    def __getstate__(self) -> dict[str, object]:
        # Pickled for a worker that is not forked: shared memory does not travel that way.
        return {"limit": 0}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["limit"])  # type: ignore[misc]

    def keep(self, image: LabelledImage, rgb: Image.Image) -> None:
        """Keep ``rgb`` as the picture of ``image``, if there is room. Threads may call this at once."""
        pixels = rgb.tobytes()
        with self._lock:
            if self.bytes + len(pixels) > self.limit:
                self._full = True
                return
            if len(pixels) > self._left:
                size = max(len(pixels), min(_SLAB_BYTES, self.limit - self.bytes))
                self._slabs.append(mmap.mmap(-1, size))
                self._left = size
            slab = self._slabs[-1]
            offset = len(slab) - self._left
            self._left -= len(pixels)
            self.bytes += len(pixels)
            place = _Place(len(self._slabs) - 1, offset, *rgb.size)
        slab[offset : offset + len(pixels)] = pixels
        self._places[image.relative] = place

    def read(self, image: LabelledImage) -> Image.Image:
        """The upright RGB picture; :class:`DataError` names the file if it cannot be had."""
        place = self._places.get(image.relative)
        if place is None:
            return read_rgb(image)
        pixels = np.frombuffer(
            self._slabs[place.slab], np.uint8, count=place.width * place.height * 3, offset=place.offset
        )
        return Image.fromarray(pixels.reshape(place.height, place.width, 3))

    def fill(
        self, images: Iterable[LabelledImage], *, workers: int, done: Callable[[int], object] = lambda n: None
    ) -> None:
        """Decode and keep those that are not kept yet; one that cannot be read is left for :meth:`read` to name."""

        def decode(image: LabelledImage) -> None:
            if image not in self and not self._full:
                try:
                    self.keep(image, read_rgb(image))
                except DataError:
                    return

        with ThreadPoolExecutor(max(1, workers)) as pool:
            for _ in pool.map(decode, images):
                done(1)


def read_rgb(image: LabelledImage) -> Image.Image:
    """The picture from its file; :class:`DataError` names the file if it cannot be had."""
    try:
        return decode_image(image.path.read_bytes()).rgb
    except (OSError, ImageError) as error:
        raise DataError(f"{image.path} could be read before training and no longer: {error}") from None

"""What reading one file's metadata may cost, whatever the file says of its own sizes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator


class Budget:
    """Steps and bytes for all the metadata of one file; what lies beyond is not looked at."""

    MAX_STEPS = 200_000
    """Segments, chunks, blocks, boxes, entries: a tenth of a second, a GIF of 50 MB."""
    MAX_BYTES = 16 * 2**20
    """Of texts, after unpacking: zlib makes a thousand bytes of one."""

    def __init__(self) -> None:
        self.steps = self.MAX_STEPS
        self.bytes = self.MAX_BYTES

    def step(self) -> bool:
        """Whether one more part may be looked at."""
        self.steps -= 1
        return self.steps >= 0

    def take(self, content: memoryview) -> memoryview:
        """As much of the content as may still be read."""
        granted = content[: self.bytes]
        self.bytes -= len(granted)
        return granted

    def inflate(self, packed: memoryview, *, most: int = MAX_BYTES) -> memoryview:
        """The beginning of what a zlib, gzip or bare deflate stream holds; raises :class:`zlib.error`."""
        most = min(most, self.bytes)
        if not most:
            return packed[:0]
        # Stored blocks grow by a few bytes in packing: a little more goes in than may come out.
        piece = packed[: most + most // 1000 + 64]
        for wbits in (47, -15):
            engine = zlib.decompressobj(wbits)
            try:
                content = engine.decompress(piece, most)
                break
            except zlib.error:
                if wbits < 0:
                    raise
        if not engine.eof and len(content) < most:
            raise zlib.error("cut off")
        self.bytes -= len(content)
        return memoryview(content)


def as_far_as_sound(facts: Iterator[str]) -> Iterator[str]:
    """The facts until the first that damage hides; what was found before it stays true."""
    try:
        yield from facts
    except (struct.error, zlib.error, IndexError, OverflowError, ValueError):
        return

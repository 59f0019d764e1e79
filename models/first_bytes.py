"""The first bytes of a file, got without disturbing it: only regular files are opened, and only to be read."""

from __future__ import annotations

import os
import stat

from models.filetypes import HEAD_BYTES

OPEN_FLAGS = (
    os.O_RDONLY
    # What was a file a moment ago may be a FIFO now, and opening that would wait for a writer.
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class NotRegular(Exception):
    """A FIFO, socket, device or folder; ``mode`` as :func:`os.stat` gives it."""

    def __init__(self, mode: int) -> None:
        super().__init__(mode)
        self.mode = mode


def first_bytes(path: str) -> bytes:
    """At most :data:`HEAD_BYTES`. Raises ``OSError``, :class:`NotRegular`."""
    descriptor = os.open(path, OPEN_FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegular(mode)
        return os.read(descriptor, HEAD_BYTES)
    finally:
        os.close(descriptor)

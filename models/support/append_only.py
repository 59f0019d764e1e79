"""A file that is only ever added to, and by one process at a time."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from models.support.errors import Failure


def open_locked(path: Path, *, irregular: Failure, busy: Failure) -> BinaryIO:
    """Made if it is not there; unbuffered, and locked until it is closed.

    Raises ``irregular`` for what is no regular file, ``busy`` where another process holds the lock, and ``OSError``.
    """
    while True:
        # Never through a link that somebody left there, and never a FIFO that waits for a reader.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
        stream = open(descriptor, "ab", buffering=0)  # noqa: PTH123, SIM115 - a descriptor, kept
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            stream.close()
            raise irregular
        if sys.platform == "win32":
            return stream  # no locks of this kind: two writers of one file are the user's to avoid
        import fcntl

        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            raise busy from None
        except OSError:
            return stream  # a file system without locks
        # The process that held it may have finished, and removed it, in between.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(stream.fileno()).st_ino == path.stat().st_ino:
                return stream
        stream.close()

"""What a process that trains on a CPU is better set to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import torch

# glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_TOP_PAD = 256 * 2**20


@contextlib.contextmanager
def prepared_cpu() -> Iterator[str | None]:
    """Keep freed memory and flush denormal numbers; gives a sentence on it for the user, ``None`` for nothing to say.

    A training step frees and asks again for the same hundreds of megabytes. glibc gives them back to the kernel in
    between, and the page faults cost a good part of a step (docs/training.md). Arithmetic with denormal numbers, of
    which a grown network makes many (:mod:`models.backbones.growth`), can be slow.
    Enter it before torch has started its threads, which take the setting from the one that makes them.
    """
    torch.set_flush_denormal(True)
    try:
        kept = not _other_allocator() and keep_freed_memory()
        yield ("freed memory is kept for the next step: docs/training.md" if kept else None)
    finally:
        torch.set_flush_denormal(False)


def keep_freed_memory() -> bool:
    """Tell glibc never to give memory back; ``False`` where there is another C library."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, _TOP_PAD))
    done = [mallopt(name, value) == 1 for name, value in settings]
    return all(done)


def _other_allocator() -> bool:
    """Whether another malloc was loaded in front of glibc's."""
    return any(name in os.environ.get("LD_PRELOAD", "") for name in ("jemalloc", "tcmalloc", "mimalloc"))

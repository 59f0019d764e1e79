"""What a process that trains on a CPU is better set to."""

from __future__ import annotations

import ctypes
import os
import sys

import torch

# glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_TOP_PAD = 256 * 2**20


def prepare_cpu() -> str | None:
    """Keep freed memory and flush denormal numbers; a sentence on what was done, for the user.

    A training step frees and asks again for the same hundreds of megabytes. glibc gives them back to the kernel in
    between, and the page faults cost more than half of a step on a virtual machine (docs/speed.md). Denormal
    numbers, of which a grown network makes many (:mod:`models.backbones.growth`), run at a tenth of the speed.
    """
    torch.set_flush_denormal(True)
    if _other_allocator():
        return None
    return (
        "freed memory is kept for the next step; jemalloc is faster still: docs/training.md"
        if keep_freed_memory()
        else None
    )


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

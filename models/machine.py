"""What this process may use of the machine it runs on."""

from __future__ import annotations

import os
from pathlib import Path


def usable_cores() -> int:
    """How many cores this process may use: a container or ``taskset`` may allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int | None:
    """Bytes that can be used without swapping, within the container's limit; ``None`` where nothing tells."""
    found = [_meminfo("MemAvailable"), _cgroup_room()]
    known = [value for value in found if value is not None]
    return min(known) if known else None


def _meminfo(field: str) -> int | None:
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as stream:
            for line in stream:
                name, _, rest = line.partition(":")
                if name == field:
                    return int(rest.split()[0]) * 1024
    except (OSError, ValueError):
        pass
    return None


def _cgroup_room() -> int | None:
    """What a cgroup (v2) still allows; page cache counts as used there, so this errs on the small side."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        return max(0, int(limit) - used) if limit != "max" else None
    except (OSError, ValueError):
        return None

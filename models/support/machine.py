"""What this process may use of the machine it runs on."""

from __future__ import annotations

import math
import os
from pathlib import Path

from models.support.cgroups import cpu_quota, memory_room


def usable_cores() -> int:
    """How many cores this process may use: ``taskset`` or a container may allow fewer than there are."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    # Half a core's time is given by one core, half of the time.
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def available_memory() -> int | None:
    """Bytes that can be used without swapping, within the container's limit; ``None`` where nothing tells."""
    found = [_meminfo("MemAvailable"), memory_room()]
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

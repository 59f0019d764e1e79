"""What a container or a service manager lets this process have (Linux control groups, both versions).

The limits of a group hold for all groups below it, and a container may see the tree from its own group on or from
its host's root; so the smallest limit on the way from the process's own group up to what is mounted is the one that
counts. Formats: https://docs.kernel.org/admin-guide/cgroup-v2.html and …/cgroup-v1/, proc_pid_mountinfo(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_ESCAPED = re.compile(r"\\([0-7]{3})")

# What is used, and what bounds it.
_MEMORY_1 = ("memory.usage_in_bytes", "memory.limit_in_bytes")
_MEMORY_2 = ("memory.current", "memory.max", "memory.high")


class _Mount(NamedTuple):
    controller: str | None
    """``None`` for version 2, where one tree holds all."""
    root: str
    """The group that is seen at ``place``."""
    place: str


def cpu_quota(root: Path = Path("/")) -> float | None:
    """How many cores' time this process may use; ``None`` without a limit. ``root`` is where ``/proc`` lies."""
    quotas = []
    for controller, folder in _groups("cpu", root):
        if controller is None:
            quota, _, period = _read(folder / "cpu.max").partition(" ")
        else:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if (
            quota.isdecimal() and period.isdecimal() and int(quota) and int(period)
        ):  # else "max", -1, or not there
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_room(root: Path = Path("/")) -> int | None:
    """Bytes that this process may still take; ``None`` without a limit.

    Page cache counts as used, though it can be given back: this errs on the small side.
    """
    rooms = []
    for controller, folder in _groups("memory", root):
        names = _MEMORY_2 if controller is None else _MEMORY_1
        now, *limits = (_read(folder / name) for name in names)
        for limit in limits:
            if limit.isdecimal() and now.isdecimal():
                rooms.append(max(0, int(limit) - int(now)))
    return min(rooms, default=None)


def _groups(controller: str, root: Path) -> Iterator[tuple[str | None, Path]]:
    """The folders of the process's own groups and of all above them, as far as they are mounted."""
    own = dict(_own_groups(controller, root))
    for mount in _mounts(controller, root):
        group = own.get(mount.controller)
        if group is None:
            continue
        top = root / mount.place.lstrip("/")
        below = PurePosixPath(group)
        # In a container without a namespace of its own, the mount begins at the container's group.
        inner = below.relative_to(mount.root) if below.is_relative_to(mount.root) else PurePosixPath()
        if ".." in inner.parts:  # the process was moved out of the namespace that it sees
            inner = PurePosixPath()
        for part in (inner, *inner.parents):
            yield mount.controller, top / part


def _own_groups(controller: str, root: Path) -> Iterator[tuple[str | None, str]]:
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            yield None, group
        elif controller in controllers.split(","):
            yield controller, group


def _mounts(controller: str, root: Path) -> Iterator[_Mount]:
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) < 5:
            continue
        group, place = _unescaped(fields[3]), _unescaped(fields[4])
        if kinds[0] == "cgroup2":
            yield _Mount(None, group, place)
        elif kinds[0] == "cgroup" and controller in kinds[-1].split(","):
            yield _Mount(controller, group, place)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def _read(path: Path) -> str:
    """Empty if it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip()
    except (OSError, ValueError):
        return ""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from models import machine


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="affinity is a Linux notion")
def test_cores_are_those_that_this_process_may_use() -> None:
    assert machine.usable_cores() == len(os.sched_getaffinity(0))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_available_memory_is_less_than_there_is() -> None:
    there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    available = machine.available_memory()
    assert available is not None and 0 < available < there_is


def test_the_containers_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_meminfo", lambda field: 1000)
    for room, expected in ((None, 1000), (400, 400), (4000, 1000)):
        monkeypatch.setattr(machine, "_cgroup_room", lambda room=room: room)
        assert machine.available_memory() == expected
    monkeypatch.setattr(machine, "_meminfo", lambda field: None)
    monkeypatch.setattr(machine, "_cgroup_room", lambda: None)
    assert machine.available_memory() is None


@pytest.mark.parametrize(("limit", "room"), [("max", None), ("500", 200), ("100", 0)])
def test_the_room_in_a_cgroup(
    limit: str, room: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("300\n")
    monkeypatch.setattr(machine, "Path", lambda path: tmp_path / Path(path).name)
    assert machine._cgroup_room() == room

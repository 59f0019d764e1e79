from __future__ import annotations

import os
import sys

import pytest

from models.support import machine


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="affinity is a Linux notion")
def test_cores_are_those_that_this_process_may_use() -> None:
    assert 1 <= machine.usable_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_available_memory_is_less_than_there_is() -> None:
    there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    available = machine.available_memory()
    assert available is not None and 0 < available < there_is


def test_the_containers_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_meminfo", lambda field: 1000)
    for room, expected in ((None, 1000), (400, 400), (4000, 1000)):
        monkeypatch.setattr(machine, "memory_room", lambda room=room: room)
        assert machine.available_memory() == expected
    monkeypatch.setattr(machine, "_meminfo", lambda field: None)
    monkeypatch.setattr(machine, "memory_room", lambda: None)
    assert machine.available_memory() is None


@pytest.mark.parametrize(
    ("affinity", "quota", "cores"),
    [(8, None, 8), (8, 2.0, 2), (8, 2.1, 3), (8, 0.25, 1), (2, 16.0, 2), (1, 0.5, 1)],
)
def test_the_quota_of_a_container_counts_as_the_affinity_does(
    affinity: int, quota: float | None, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert machine.usable_cores() == cores

"""Limits of control groups, from made-up trees of both versions, and once from the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.support.cgroups import cpu_quota, memory_room

V2 = "30 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = (
    "24 19 0:22 / /proc rw - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
)
UNLIMITED = str(2**63 - 4096)

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A root folder with ``/proc/self`` and the files of groups, by their paths below ``/sys/fs/cgroup``."""

    def make(cgroup: str, mountinfo: str, files: dict[str, str]) -> Path:
        own = tmp_path / "proc" / "self"
        own.mkdir(parents=True)
        (own / "cgroup").write_text(cgroup)
        (own / "mountinfo").write_text(mountinfo)
        for name, text in files.items():
            path = tmp_path / "sys/fs/cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "200000 100000"}, 2.0),
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"cpu.max": "nonsense"}, None),
        ({"cpu.max": "100000"}, None),
        ({"cpu.max": "100000 0"}, None),
        ({"a/b/cpu.max": "max 100000"}, None),
        ({"a/b/cpu.max": "400000 100000", "a/cpu.max": "150000 50000", "cpu.max": "max 100000"}, 3.0),
        ({"a/b/cpu.max": "200000 100000", "a/cpu.max": "800000 100000"}, 2.0),
        ({"a/b/c/cpu.max": "100000 100000", "other/cpu.max": "100000 100000"}, None),
    ],
)
def test_version_2_the_smallest_quota_on_the_way_up(
    tree: Tree, files: dict[str, str], quota: float | None
) -> None:
    assert cpu_quota(tree("0::/a/b\n", V2, files)) == quota


def test_version_2_in_a_namespace_is_seen_from_its_own_group(tree: Tree) -> None:
    assert cpu_quota(tree("0::/\n", V2, {"cpu.max": "150000 100000"})) == 1.5


@pytest.mark.parametrize("group", ["/../../elsewhere", "/docker/other"])
def test_a_process_outside_of_what_is_mounted_has_the_mounts_limit(tree: Tree, group: str) -> None:
    mounted = V2.replace("0:28 / ", "0:28 /docker/abc ")
    assert cpu_quota(tree(f"0::{group}\n", mounted, {"cpu.max": "300000 100000"})) == 3.0


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("-1", "100000", None), ("200000", "100000", 2.0), ("25000", "50000", 0.5), ("0", "100000", None)],
)
@pytest.mark.parametrize("mounted", ["/", "/docker/abc"])
def test_version_1_with_the_hosts_root_and_with_the_containers(
    tree: Tree, mounted: str, quota: str, period: str, cores: float | None
) -> None:
    inner = "docker/abc/" if mounted == "/" else ""
    folder = f"cpu,cpuacct/{inner}"
    files = {f"{folder}cpu.cfs_quota_us": quota, f"{folder}cpu.cfs_period_us": period}
    own = "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"
    assert cpu_quota(tree(own, V1.format(root=mounted), files)) == cores


def test_version_1_nested(tree: Tree) -> None:
    files = {
        "cpu,cpuacct/pod/cpu.cfs_quota_us": "150000", "cpu,cpuacct/pod/cpu.cfs_period_us": "100000",
        "cpu,cpuacct/pod/x/cpu.cfs_quota_us": "-1", "cpu,cpuacct/pod/x/cpu.cfs_period_us": "100000",
    }  # fmt: skip
    assert cpu_quota(tree("4:cpu,cpuacct:/pod/x\n", V1.format(root="/"), files)) == 1.5


def test_both_versions_at_once(tree: Tree) -> None:
    unified = V2.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified ")
    files = {
        "cpu,cpuacct/a/cpu.cfs_quota_us": "500000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
        "unified/b/cpu.max": "400000 100000",
    }  # fmt: skip
    assert cpu_quota(tree("4:cpu,cpuacct:/a\n0::/b\n", V1.format(root="/") + unified, files)) == 4.0


def test_a_place_with_a_space_is_found(tree: Tree) -> None:
    odd = V2.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/my\\040groups ")
    assert cpu_quota(tree("0::/\n", odd, {"my groups/cpu.max": "100000 100000"})) == 1.0


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({}, None),
        ({"a/memory.max": "max", "a/memory.current": "300"}, None),
        ({"a/memory.max": "500", "a/memory.current": "300"}, 200),
        ({"a/memory.max": "100", "a/memory.current": "300"}, 0),
        ({"a/memory.max": "900", "a/memory.high": "400", "a/memory.current": "300"}, 100),
        (
            {"a/memory.max": "900", "a/memory.current": "300", "memory.max": "1000", "memory.current": "950"},
            50,
        ),
    ],
)
def test_the_room_that_version_2_leaves(tree: Tree, files: dict[str, str], room: int | None) -> None:
    assert memory_room(tree("0::/a\n", V2, files)) == room


@pytest.mark.parametrize(("limit", "room"), [("500", 200), (UNLIMITED, 2**63 - 4096 - 300)])
def test_the_room_that_version_1_leaves(tree: Tree, limit: str, room: int) -> None:
    files = {"memory/a/memory.limit_in_bytes": limit, "memory/a/memory.usage_in_bytes": "300"}
    assert memory_room(tree("9:memory:/a\n", V1.format(root="/"), files)) == room


def test_a_system_without_groups_has_no_limit(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None and memory_room(tmp_path) is None


@pytest.mark.slow
@given(st.text(alphabet="0:/.ab,\ncpu-", max_size=60), st.text(alphabet="0 /-\\cgroup2,\n", max_size=120))
def test_whatever_the_kernel_says_nothing_fails(cgroup: str, mountinfo: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, "proc/self")
        own.mkdir(parents=True)
        (own / "cgroup").write_text(cgroup)
        (own / "mountinfo").write_text(mountinfo)
        assert cpu_quota(Path(folder)) is None and memory_room(Path(folder)) is None


@pytest.fixture
def real_group() -> Iterator[Path]:
    """A group of this kernel's that may use half a core's time; skips where none can be made."""
    places = (
        ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}),
        ("/sys/fs/cgroup", {"cpu.max": "50000 100000"}),
    )
    for place, files in places:
        group = Path(place, f"deepfake-scanner-test-{os.getpid()}")
        try:
            if not any(Path(place, name).exists() for name in ("cgroup.procs", "tasks")):
                continue
            group.mkdir()
            for name, text in files.items():
                (group / name).write_text(text)
        except OSError:
            if group.is_dir():
                group.rmdir()
            continue
        yield group
        group.rmdir()
        return
    pytest.skip("no control group can be made here")


def test_a_real_quota_decides_the_cores(real_group: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from models.support.machine import usable_cores\n"
        "Path(sys.argv[1], 'cgroup.procs').write_text(str(os.getpid()))\n"
        "print(usable_cores())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(real_group)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 1

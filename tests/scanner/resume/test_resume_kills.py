"""Scans that are cut off and continued, whatever happened between: real processes, real signals."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cut_off_scans import Whole, recalled, wait_for

from scanner.results import SETTLING_NS

KILLS = 20


def alive(group: int) -> list[int]:
    """Processes of a group that still run."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["group", "parent"])
def test_kills_at_any_moment_change_no_byte_of_the_report(
    here: Path, whole: Whole, process: Any, shell: Any, victim: str
) -> None:
    moments = random.Random(f"moments of {victim}")
    shared = Path("/dev/shm")
    shared_before = set(os.listdir(shared)) if shared.is_dir() else set()
    journalled = []
    for _ in range(KILLS):
        with process("in", "--out", "r.csv", "-q", "--workers", 2, start_new_session=True) as running:
            time.sleep(moments.uniform(0.1, 1.0) * whole.seconds)
            if running.poll() is None:
                (os.killpg if victim == "group" else os.kill)(running.pid, signal.SIGKILL)
            running.wait(30)
        wait_for(lambda group=running.pid: not alive(group), seconds=5)
        if (here / "r.csv").exists():
            assert (here / "r.csv").read_bytes() == whole
            (here / "r.csv").unlink()  # it was faster than the kill; begin again
        elif (here / "r.csv.journal").exists():
            journalled.append((here / "r.csv.journal").read_bytes().count(b"\n") - 1)
    done = shell("in", "--out", "r.csv", "-q")
    assert done.code == 2 and "bug" not in done.err and (here / "r.csv").read_bytes() == whole
    assert max(journalled) > 0, "every kill came too early"
    assert sorted(os.listdir(here)) == ["in", "r.csv", "r.run.json", "tmp"] and not os.listdir(here / "tmp")
    assert not shared.is_dir() or set(os.listdir(shared)) <= shared_before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_was_done_is_not_done_again(
    here: Path, whole: bytes, process: Any, shell: Any, number: signal.Signals
) -> None:
    journal = here / "r.csv.journal"
    with process("in", "--out", "r.csv", "--workers", 1) as running:
        wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 200)
        running.send_signal(number)
        running.wait(30)
        err = running.stderr.read().decode()
    if number != signal.SIGKILL:
        assert running.returncode == 130 and err.count("the same command continues") == 1
    done = journal.read_bytes().count(b"\n") - 1
    # Other threads, another batch, another threshold: the facts are the same.
    again = shell("in", "--out", "r.csv", "--workers", 2, "--threshold", "0.9")
    assert again.code == 2 and "Traceback" not in again.err
    assert f"continuing a scan that was cut off: {done:,} files are done" in again.err
    assert done - 1 <= recalled(here) <= done
    assert [row.split(b",")[:3] for row in (here / "r.csv").read_bytes().splitlines()] == [
        row.split(b",")[:3] for row in whole.splitlines()
    ]
    third = shell("in", "--out", "r.csv", "-q")
    assert third.code == 2 and recalled(here) == 0 and (here / "r.csv").read_bytes() == whole


@pytest.fixture
def cut_off(here: Path, process: Any) -> Callable[..., int]:
    """Begin a scan into ``r.csv`` and kill it; how many files its journal has."""

    def begin(*arguments: object) -> int:
        journal = here / "r.csv.journal"
        with process(*arguments, "--out", "r.csv", "--workers", 1) as running:
            wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 200)
            running.kill()
        return journal.read_bytes().count(b"\n") - 1

    return begin


@pytest.mark.slow
def test_another_scan_is_refused_until_it_is_told_to_begin_anew(
    here: Path, whole: bytes, cut_off: Any, shell: Any, calibrated: Path
) -> None:
    cut_off("in")
    before = (here / "r.csv.journal").read_bytes()
    for changed, word in (
        (["in/a"], "paths"),
        (["in", "--exclude", "b"], "exclude"),
        (["in", "--no-recursive", "--allow-empty"], "recursive"),
        (["in", "--no-scanignore"], "scanignore"),
        (["in", "--force-exclude"], "force_exclude"),
        (["in", "--media-only", "--allow-empty"], "media_only"),
        (["in", "--max-pixels", 50], "max_pixels"),
        (["in", "--model", calibrated], "model"),
    ):
        run = shell(*changed, "--out", "r.csv", "-q")
        (line,) = run.err.splitlines()
        assert run.code == 2 and f"another {word} (" in line and "--restart" in line
        assert (here / "r.csv.journal").read_bytes() == before and not (here / "r.csv").exists()
    anew = shell("in", "--out", "r.csv", "--restart")
    assert "continuing" not in anew.err and recalled(here) == 0
    assert (here / "r.csv").read_bytes() == whole


@pytest.mark.slow
def test_files_that_changed_came_or_went_are_seen(
    tmp_path: Path, pictures: Path, process: Any, shell: Any, grey: Any, rows_of: Any, cut_off: Any
) -> None:
    shutil.copytree(pictures / "a", tmp_path / "mine", copy_function=os.link)
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    done = cut_off("mine")
    names = sorted(os.listdir(tmp_path / "mine"))
    (tmp_path / "mine" / names[3]).unlink()
    (tmp_path / "mine" / names[5]).unlink()
    grey(tmp_path / "mine" / names[5], 255)
    grey(tmp_path / "mine" / "00000 new.png", 0)
    assert shell("mine", "--out", "r.csv", "-q").code == 1
    # Removing a name changes the times of the file that its twins share.
    assert 0 < recalled(tmp_path) < done
    rows = {Path(row["path"]).name: row for row in rows_of(tmp_path / "r.csv")}
    assert list(rows) == sorted([*(name for name in names if name != names[3]), "00000 new.png"])
    assert float(rows[names[5]]["prob_fake"]) > 0.9 and float(rows["00000 new.png"]["prob_fake"]) < 0.1


@pytest.mark.slow
def test_two_scans_into_one_report_do_not_mix(here: Path, whole: bytes, process: Any, shell: Any) -> None:
    with process("in", "--out", "r.csv", "-q", "--workers", 1) as running:
        wait_for(lambda: (here / "r.csv.partial").exists())
        second = shell("in", "--out", "r.csv", "-q")
        assert running.wait(60) == 2
    if second.err:
        assert second.code == 2 and "is being written by another scan" in second.err
    assert (here / "r.csv").read_bytes() == whole

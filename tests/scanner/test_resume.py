"""Scans that are cut off and continued: killed, interrupted, out of space. Real processes, real signals."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.results import SETTLING_NS

FILES = 1200
KILLS = 20


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, grey: Callable[..., Path]) -> Path:
    """A folder with ``in``: many small pictures in three folders, some broken, old enough to be trusted."""
    root = tmp_path_factory.mktemp("pictures") / "in"
    originals = [grey(root / "originals" / f"{value}.png", value) for value in range(100, 220, 6)]
    (root / "originals" / "broken.png").write_bytes(originals[0].read_bytes()[:40])
    originals.append(root / "originals" / "broken.png")
    for number in range(FILES):
        folder = root / "abc"[number % 3]
        folder.mkdir(exist_ok=True)
        os.link(originals[number % len(originals)], folder / f"{number:05}.png")
    (root / "notes.txt").write_text("no picture")
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    return root


@pytest.fixture
def here(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "in").symlink_to(pictures)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


class Whole(bytes):
    """The report of a scan that nothing disturbed."""

    seconds: float


@pytest.fixture
def whole(here: Path, shell: Any) -> Whole:
    began = time.monotonic()
    assert shell("in", "--out", "whole.csv", "-q").code == 2
    report = Whole((here / "whole.csv").read_bytes())
    report.seconds = time.monotonic() - began
    assert report.count(b"\n") > FILES
    for name in ("whole.csv", "whole.run.json"):
        (here / name).unlink()
    return report


def recalled(here: Path) -> int:
    count: int = json.loads((here / "r.run.json").read_text())["counts"]["recalled"]
    return count


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


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)


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


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_with_space_the_scan_goes_on(
    here: Path, whole: bytes, shell: Any, make_disk: Callable[[str], Path]
) -> None:
    old, small_disk = whole[: whole.index(b"\n") + 1], make_disk("64k")
    (small_disk / "r.csv").write_bytes(old)
    run = shell("in", "--out", "disk/r.csv", "-q")
    (line,) = run.err.splitlines()
    assert run.code == 2 and "cannot be written: No space left on device; the scan has stopped" in line
    assert (small_disk / "r.csv").read_bytes() == old
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    again = shell("in", "--out", "disk/r.csv")
    assert "continuing a scan that was cut off" in again.err
    assert json.loads((small_disk / "r.run.json").read_text())["counts"]["recalled"] > 0
    assert (small_disk / "r.csv").read_bytes() == whole


@pytest.mark.slow
def test_a_limit_on_file_size_is_one_sentence_and_without_it_the_scan_goes_on(
    here: Path, whole: bytes, process: Any, shell: Any
) -> None:
    old = whole[: whole.index(b"\n") + 1]
    (here / "r.csv").write_bytes(old)
    partial = here / "r.csv.partial"
    with process("in", "--out", "r.csv", "-q", "--workers", 1) as running:
        wait_for(lambda: partial.exists() and partial.stat().st_size > 5000)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
        assert running.wait(30) == 2
        (line,) = running.stderr.read().decode().splitlines()
    assert "cannot be written: File too large; the scan has stopped" in line
    assert (here / "r.csv").read_bytes() == old
    assert shell("in", "--out", "r.csv", "-q").code == 2
    assert recalled(here) > 0 and (here / "r.csv").read_bytes() == whole


@pytest.mark.slow
def test_a_stream_has_no_journal(here: Path, shell: Any) -> None:
    assert shell("in", "--out", "-", "-q").code == 2
    assert sorted(os.listdir(here)) == ["in", "tmp"]


def test_a_report_named_again_with_nothing_to_scan_leaves_no_journal(here: Path, shell: Any) -> None:
    (here / "empty").mkdir()
    assert shell("empty", "--out", "r.csv", "-q").code == 2
    assert not (here / "r.csv.journal").exists()
    assert shell("empty", "--out", "r.csv", "-q", "--allow-empty").code == 0
    assert sorted(os.listdir(here)) == ["empty", "in", "r.csv", "r.run.json", "tmp"]


WICKED = """
import os, signal
from scanner.sandbox import worker
plain = worker.open_candidate
def open_candidate(candidate, reading):
    name = os.path.basename(candidate.path)
    if "crash" in name or "spin" in name:
        with open("tries", "a") as stream:
            print(name, file=stream)
    if "crash" in name and not os.path.exists("mended"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if "spin" in name:  # at once what the kernel does after its CPU time, which a busy machine may not give it
        os.kill(os.getpid(), signal.SIGPROF)
    return plain(candidate, reading)
worker.open_candidate = open_candidate
"""
PROGRAM = f"""
import os
from scanner.sandbox import worker
worker.PROGRAM = worker.PROGRAM.replace("serve(**", {WICKED!r} + "serve(**")
if os.path.exists("cut"):
    from scanner.reports.reporting import Reporting
    def cut(*_):
        raise KeyboardInterrupt
    assert callable(Reporting.publish)
    Reporting.publish = cut
from scanner.cli import main; main()
"""


@pytest.fixture
def tries(tmp_path: Path, grey: Any, process: Any) -> Callable[..., tuple[int, list[str]]]:
    """Scan a folder with a file that crashes and one without end, cut off at the end or not: code, what was tried."""
    for name in ("a", "b-crash", "c", "d-spin", "e"):
        grey(tmp_path / "wicked" / f"{name}.png", 120)
    time.sleep(SETTLING_NS / 1e9 + 0.1)

    def scan(*, cut: bool) -> tuple[int, list[str]]:
        (tmp_path / "tries").write_text("")
        if cut:
            (tmp_path / "cut").touch()
        else:
            (tmp_path / "cut").unlink(missing_ok=True)
        with process("wicked", "--out", "r.csv", "--max-errors", 2, "-q", code=PROGRAM) as running:
            code = running.wait(60)
        return code, sorted((tmp_path / "tries").read_text().split())

    return scan


@pytest.mark.slow
def test_files_that_end_decoders_have_a_second_chance_and_do_not_hold_up_a_third_run(
    tmp_path: Path, tries: Any, rows_of: Any
) -> None:
    once = ["b-crash.png", "b-crash.png", "d-spin.png"]  # a crash is tried twice in a run
    assert tries(cut=True) == (130, once)
    assert tries(cut=True) == (130, once)
    assert tries(cut=True) == (130, [])
    assert tries(cut=False) == (0, [])
    errors = [row["error"] for row in rows_of(tmp_path / "r.csv")]
    assert errors == ["", "decode_crashed", "", "decode_timeout", ""] and recalled(tmp_path) == 5
    assert tries(cut=False) == (0, once), "a new scan tries everything"


@pytest.mark.slow
def test_a_crash_that_the_machine_caused_is_mended_by_the_same_command(
    tmp_path: Path, tries: Any, rows_of: Any
) -> None:
    assert tries(cut=True)[0] == 130
    (tmp_path / "mended").touch()
    assert tries(cut=False) == (0, ["b-crash.png", "d-spin.png"])
    assert [row["error"] for row in rows_of(tmp_path / "r.csv")] == ["", "", "", "decode_timeout", ""]

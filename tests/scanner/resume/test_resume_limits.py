"""Scans that ran out of space or killed their decoders, continued."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cut_off_scans import recalled, wait_for

from scanner.results import SETTLING_NS


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
from scanner.sandbox import launch
launch.PROGRAM = launch.PROGRAM.replace("serve(**", {WICKED!r} + "serve(**")
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

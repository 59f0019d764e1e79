"""What the shell sees of a scan: exit codes, signals, pipes and full disks, in real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.reports.row import COLUMNS

HEADER = (",".join(COLUMNS) + "\n").encode()
OLD_REPORT = HEADER + b"old.png,ok,0.100000,real,,PNG,1,1,1,,,1,,\n"


@pytest.fixture
def here(tmp_path: Path, grey: Callable[..., Path]) -> Path:
    """The working directory of each process; ``in`` holds a dark and a bright picture."""
    grey(tmp_path / "in" / "dark.png", 40)
    grey(tmp_path / "in" / "light.png", 240)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["in/dark.png", "--out", "r.csv"], 0),
        (["in", "--out", "r.csv"], 1),
        (["in", "--out", "r.csv", "--exit-zero"], 0),
        (["in", "gone.png", "--out", "r.csv"], 2),
        (["in", "gone.png", "--out", "r.csv", "--exit-zero"], 2),
        (["in", "--out", "r.csv", "--no-such-option"], 2),
    ],
)
def test_the_shell_sees_the_exit_code(here: Path, shell: Any, arguments: list[str], code: int) -> None:
    run = shell(*arguments)
    assert run.code == code
    assert run.out == b"" and "Traceback" not in run.err and "Warning" not in run.err


@pytest.mark.slow
def test_a_bug_is_2_and_not_pythons_1(here: Path, shell: Any) -> None:
    (here / "r.csv").write_bytes(OLD_REPORT)
    code = (
        "import scanner.judgement.policy\n"
        "def verdict(self, result): raise RuntimeError('planted')\n"
        "scanner.judgement.policy.Policy.verdict = verdict\n"
        "from scanner.cli import main; main()"
    )
    run = shell("in", "--out", "r.csv", code=code)
    assert run.code == 2 and "RuntimeError: planted" in run.err and "is a bug" in run.err
    assert (here / "r.csv").read_bytes() == OLD_REPORT


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scan_is_130_and_keeps_its_rows(
    here: Path, process: Any, grey: Any, number: signal.Signals
) -> None:
    (here / "r.csv").write_bytes(OLD_REPORT)
    names = [grey(here / "many" / f"{i:02}.png", 40).relative_to(here) for i in range(60)]
    partial = here / "r.csv.partial"
    with process("--files-from", "-", "--out", "r.csv", "--workers", 2, stdin=subprocess.PIPE) as running:
        # The list is never finished, so the scan is certain to be at work when the signal comes.
        running.stdin.write("".join(f"{name}\n" for name in names).encode())
        running.stdin.flush()
        wait_for(lambda: partial.exists() and partial.read_bytes().count(b"\n") > 20)
        running.send_signal(number)
        assert running.wait(30) == 130
        err = running.stderr.read().decode()
    lines = partial.read_bytes().splitlines(keepends=True)
    assert lines[0] == HEADER and all(
        line.endswith(b"\n") and line.count(b",") == HEADER.count(b",") for line in lines
    )
    assert [line.split(b",")[0].decode() for line in lines[1:]] == [str(n) for n in names[: len(lines) - 1]]
    said = re.search(r"interrupted after (\d+) files; the rows so far are in r\.csv\.partial", err)
    # The signal may come between a row and its counting.
    assert said and 0 <= len(lines) - 1 - int(said[1]) <= 1
    assert "Traceback" not in err
    assert (here / "r.csv").read_bytes() == OLD_REPORT and not (here / "r.run.json").exists()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)


def test_a_reader_that_goes_away_is_2_without_a_traceback(here: Path, process: Any, grey: Any) -> None:
    for i in range(50):
        grey(here / "many" / f"{i:02}.png", 40)
    reader, writer = os.pipe()
    os.close(reader)
    with process("many", "--out", "-", stdout=writer) as running:
        os.close(writer)
        err = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 2
    assert "Traceback" not in err and "Exception ignored" not in err


@pytest.mark.slow
@pytest.mark.parametrize("streamed", [True, False])
def test_a_full_disk_behind_a_stream_is_one_sentence(
    here: Path, shell: Any, device: Any, streamed: bool
) -> None:
    full = device("full")
    with full.open("wb") as stdout:
        run = shell("in", "--out", "-" if streamed else full, "-q", stdout=stdout)
    (line,) = run.err.splitlines()
    assert run.code == 2 and line.startswith("error: ") and "No space left on device" in line


def test_a_log_on_a_full_disk_ends_the_scan(here: Path, shell: Any, device: Any) -> None:
    full = device("full")
    (here / "r.csv").write_bytes(OLD_REPORT)
    run = shell("in", "gone.png", "--out", "r.csv", "--log-file", full, "-q")
    (line,) = run.err.splitlines()
    assert run.code == 2 and f"{full} cannot be written: No space left on device" in line
    assert (here / "r.csv").read_bytes() == OLD_REPORT


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_the_older_report(
    here: Path, shell: Any, grey: Any, make_disk: Callable[[str], Path]
) -> None:
    tiny_disk = make_disk("16k")
    (tiny_disk / "r.csv").write_bytes(OLD_REPORT)
    for i in range(200):
        grey(here / "many" / f"{i:03}.png", 40)
    run = shell("many", "--out", "disk/r.csv", "-q")
    (line,) = run.err.splitlines()
    assert run.code == 2 and "cannot be written: No space left on device" in line
    assert "disk/r.csv.partial" in line or "disk/r.csv.journal" in line
    assert (tiny_disk / "r.csv").read_bytes() == OLD_REPORT
    assert not (tiny_disk / "r.run.json").exists()


@pytest.mark.slow
def test_a_closed_standard_output_does_not_disturb_a_report_in_a_file(here: Path, process: Any) -> None:
    for out, code in (("r.csv", 1), ("-", 2)):
        closing = "import os, sys; os.close(1); sys.stdout = None\nfrom scanner.cli import main; main()"
        with process("in", "--out", out, code=closing) as running:
            err = running.communicate(timeout=60)[1].decode()
        assert running.returncode == code and "Traceback" not in err
    assert (here / "r.csv").read_bytes().count(b"\n") == 3


def test_standard_output_by_its_name_in_dev_is_the_file_behind_it(here: Path, shell: Any) -> None:
    # The same as /dev/stdout, but in a folder where nobody, root neither, can replace anything.
    with (here / "r.csv").open("wb") as target:
        assert shell("in", "--out", "/dev/fd/1", stdout=target).code == 1
    assert (here / "r.csv").read_bytes().count(b"\n") == 3


@pytest.mark.slow
def test_cuda_on_a_machine_without_it_is_refused_and_auto_says_what_it_took(here: Path, shell: Any) -> None:
    blind = {"env": {"CUDA_VISIBLE_DEVICES": ""}}  # the same on a machine that has one
    refused = shell("in", "--out", "r.csv", "--device", "cuda", **blind)
    assert refused.code == 2 and "--device cuda" in refused.err and "or scan with --device cpu" in refused.err
    assert not (here / "r.csv").exists()
    auto = shell("in", "--out", "r.csv", "--device", "auto", **blind)
    assert auto.code == 1 and auto.err.count("scanning on the CPU") == 1
    device = json.loads((here / "r.run.json").read_text())["device"]
    assert (device["used"], device["provider"]) == ("cpu", "CPUExecutionProvider") and device["fallback"]
    assert "scanning on the CPU" not in shell("in", "--out", "r.csv", "--device", "cpu", **blind).err
    assert json.loads((here / "r.run.json").read_text())["device"]["fallback"] is None


MODULES = "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
RUN_AND_LIST = "from scanner.cli import scan\nscan.main(standalone_mode=False)" + MODULES


def test_help_pays_for_click_alone() -> None:
    code = "import sys\nfrom scanner.cli import scan\nscan.main(['--help'], prog_name='scan', standalone_mode=False)"
    done = subprocess.run([sys.executable, "-c", code + MODULES], capture_output=True, text=True, check=True)
    assert "--threshold" in done.stdout and "130  interrupted" in done.stdout
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {"numpy", "onnxruntime", "pandas", "PIL", "torch", "tqdm", "train", "export"}


def test_a_scan_loads_neither_torch_nor_the_other_rooms(here: Path, shell: Any) -> None:
    run = shell("in", "--out", "-", "-q", code=RUN_AND_LIST)
    loaded = set(run.err.split())
    assert run.code == 0 and "onnxruntime" in loaded
    assert not loaded & {"torch", "torchvision", "train", "export", "pandas", "sklearn"}


def test_a_scan_opens_no_network_connection(here: Path, shell: Any) -> None:
    code = (
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event.startswith('socket.'): raise SystemExit('a socket: ' + event)\n"
        "sys.addaudithook(refuse)\n"
        "import socket\n"
        "try: socket.socket()\n"
        "except SystemExit: print('the guard works', file=sys.stderr)\n"
        "from scanner.cli import main; main()"
    )
    run = shell("in", "--out", "r.csv", "--device", "auto", code=code)
    assert run.code == 1 and "the guard works" in run.err and "a socket" not in run.err


def test_nothing_is_left_in_the_users_folders(here: Path, shell: Any) -> None:
    # Where onnxruntime's telemetry keeps an identifier of the device and what it could not send yet.
    (here / "home").mkdir()
    env = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(here / "home"))
    # Under these it would keep silent by itself.
    quiet = dict.fromkeys(("CI", "GITHUB_ACTIONS", "TF_BUILD", "PYTEST_CURRENT_TEST"), "")
    assert shell("in", "--out", "r.csv", env=env | quiet).code == 1
    assert [str(path) for path in (here / "home").rglob("*")] == []


def test_a_working_folder_with_rooms_of_its_own_does_not_disturb_the_command(here: Path, shell: Any) -> None:
    for name in ("models", "export"):
        (here / name).mkdir()
        (here / name / "__init__.py").write_text("raise SystemExit('the wrong room')")
    (here / "train.py").write_text("raise SystemExit('the wrong room')")
    script = Path(sys.executable).with_name("scan")
    if not script.exists():
        pytest.skip("the console script is not installed")
    done = subprocess.run([script, "--help"], cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "the wrong room" not in done.stderr

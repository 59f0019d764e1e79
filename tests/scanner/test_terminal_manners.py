"""What a terminal and a pipe are told, in real processes: colours, control characters, interruptions, closed ends."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Clears the screen, sets the title, goes back, overwrites, colours (also by C1) and turns the writing round.
HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\b\x9b31m\u202eevil"
STEERS = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
RED, YELLOW, END = "\x1b[31m", "\x1b[33m", "\x1b[0m"


@pytest.fixture
def here(tmp_path: Path, grey: Callable[..., Path]) -> Path:
    """``in`` holds a bright, a middling and a dark picture, a broken one and a text."""
    for name, value in (("light.png", 250), ("middling.png", 138), ("dark.png", 20)):
        grey(tmp_path / "in" / name, value)
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture
def hostile(here: Path, grey: Callable[..., Path]) -> Path:
    """The same under names that steer a terminal."""
    (here / "in").rename(here / f"in{HOSTILE}")
    for name in os.listdir(here / f"in{HOSTILE}"):
        (here / f"in{HOSTILE}" / name).rename(here / f"in{HOSTILE}" / f"{HOSTILE}{name}")
    return here


def scan_arguments(*options: object) -> tuple[object, ...]:
    return ("in", "--out", "r.csv", *options)


@pytest.mark.slow
def test_a_terminal_sees_verdicts_and_errors_in_colour(
    here: Path, on_terminal: Any, calibrated: Path
) -> None:
    text = on_terminal(*scan_arguments("--model", calibrated)).text
    for part in (f"{RED}1 fake{END}, {YELLOW}1 inconclusive{END}, 1 not flagged",
                 f"3 ok, {RED}1 error{END}, 0 skipped", f"{RED}ERROR{END}: the audit is not complete"):  # fmt: skip
        assert part in text
    colours = re.findall(r"(\x1b\[\d+m)?0\.\d{6}(?:\x1b\[0m)?  in/(\w+)", text)
    assert colours == [(RED, "light"), (YELLOW, "middling"), ("", "dark")]
    assert f"{RED}error{END}: model" in on_terminal(*scan_arguments("--model", "gone.onnx")).text
    assert f"{YELLOW}WARNING{END}: in/broken.png" in on_terminal(*scan_arguments("-v")).text
    clean = on_terminal("in/dark.png", "--out", "r.csv").text
    assert RED not in clean and YELLOW not in clean, "nothing found, nothing coloured"


@pytest.mark.slow
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}])
def test_colours_can_be_refused(env: dict[str, str], here: Path, on_terminal: Any) -> None:
    assert "\x1b[" not in on_terminal(*scan_arguments("--fail-on", "never"), env=env).text


@pytest.mark.slow
def test_a_pipe_gets_colours_only_if_they_are_forced(here: Path, shell: Any) -> None:
    assert "\x1b" not in shell(*scan_arguments(), env={"TERM": "xterm"}).err
    assert f"{RED}2 fake{END}" in shell(*scan_arguments(), env={"FORCE_COLOR": "1"}).err
    rows = shell("in", "--out", "-", env={"FORCE_COLOR": "1"})
    assert b"\x1b" not in rows.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--out", "r.csv"],
        ["--out", "r.csv", "-v"],
        ["--out", "r.csv", "--list-skipped"],
        ["--out", f"r{HOSTILE}.csv", "--exit-zero"],
        ["--out", f"no{HOSTILE}/r.csv"],
        ["--out", "r.csv", "--model", f"gone{HOSTILE}.onnx"],
        ["--out", "r.csv", f"--{HOSTILE}"],
        ["--out", "r.csv", "--baseline", f"{HOSTILE}.csv"],
        ["--out", "r.csv", "--files-from", f"{HOSTILE}.txt"],
    ],
    ids=lambda options: " ".join(options).partition("\x1b")[0],
)
def test_no_name_steers_the_terminal(options: list[str], hostile: Path, on_terminal: Any, shell: Any) -> None:
    arguments = [f"in{HOSTILE}", *options]
    # Without a bar and colours, nothing but the names could.
    run = on_terminal(*arguments, "--no-progress", env={"NO_COLOR": "1"})
    assert "evil" in run.text and STEERS.findall(run.text.replace("\r\n", "\n")) == []
    piped = shell(*arguments)
    assert piped.code == run.code and "evil" in piped.err and STEERS.findall(piped.err) == []


@pytest.mark.slow
def test_rows_on_a_terminal_show_what_a_name_would_do(hostile: Path, on_terminal: Any, shell: Any) -> None:
    arguments = (f"in{HOSTILE}", "--out", "-", "-q")
    for format_ in ("csv", "jsonl", "junit", "html"):
        run = on_terminal(*arguments, "--format", format_, out_to_pipe=False, env={"NO_COLOR": "1"})
        assert "evil" in run.text and STEERS.findall(run.text.replace("\r\n", "\n")) == [], format_
    assert HOSTILE.encode() in shell(*arguments).out, "a pipe gets the report"


@pytest.mark.slow
def test_a_manifest_holds_the_hash_of_the_report_and_not_of_what_was_shown(
    hostile: Path, on_terminal: Any, shell: Any
) -> None:
    reports = []
    for number, run in enumerate((shell, lambda *words: on_terminal(*words, out_to_pipe=False))):
        run(f"in{HOSTILE}", "--out", "-", "--manifest", f"{number}.json")
        reports.append(re.search(r'"reports": {[^}]*}', (hostile / f"{number}.json").read_text()))
    assert reports[0] and reports[1] and reports[0][0] == reports[1][0]


@pytest.mark.slow
def test_checking_a_report_says_no_name_aloud(hostile: Path, on_terminal: Any, shell: Any) -> None:
    shell(f"in{HOSTILE}", "--out", f"r{HOSTILE}.csv")
    (hostile / f"in{HOSTILE}" / f"{HOSTILE}dark.png").write_bytes(b"another")
    run = on_terminal("--verify", f"r{HOSTILE}.run.json", "--files")
    assert run.code == 1 and "file changed: " in run.text
    assert STEERS.findall(run.text.replace("\r\n", "\n")) == []


@pytest.mark.slow
@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_is_silent_but_for_errors(terminal: bool, here: Path, on_terminal: Any, shell: Any) -> None:
    def said(*arguments: object) -> tuple[int, str]:
        run = on_terminal(*arguments) if terminal else shell(*arguments)
        return run.code, re.sub(r"\x1b\[\d*m", "", run.text if terminal else run.err).replace("\r\n", "\n")

    assert said("in/light.png", "--out", "r.csv", "-q") == (1, "")
    code, text = said("in", "--out", "r.csv", "-q")
    assert code == 2 and text == (
        "ERROR: the audit is not complete: 1 files could not be scored, --max-errors allows 0\n"
    )
    code, text = said("in", "--out", "r.csv", "-q", "--model", "gone.onnx")
    assert code == 2 and text.startswith("error: ") and text.count("\n") == 1


@pytest.mark.slow
def test_standard_output_holds_rows_and_nothing_else(here: Path, on_terminal: Any, shell: Any) -> None:
    piped = shell("in", "--out", "-", "-v").out
    assert piped.startswith(b"path,status,") and piped.count(b"\n") == 5
    assert on_terminal("in", "--out", "-").out == piped


@pytest.mark.slow
def test_a_report_in_a_file_does_not_need_anybody_who_listens(here: Path, process: Any, device: Any) -> None:
    reader, closed = os.pipe()
    os.close(reader)
    with device("full").open("wb") as full, os.fdopen(closed, "wb") as nobody:
        for stderr in (full, nobody):
            for options, code in (
                (["-v", "--max-errors", 1], 1),
                (["--list-skipped"], 2),
                (["--exit-zero", "--max-errors", 1], 0),
            ):
                with process(*scan_arguments(*options), stderr=stderr, stdout=subprocess.DEVNULL) as running:
                    assert running.wait(60) == code
                assert (here / "r.csv").read_bytes().count(b"\n") == 5


@pytest.mark.slow
def test_ctrl_c_on_the_terminal_is_one_sentence_on_a_line_of_its_own(
    here: Path, process: Any, grey: Callable[..., Path]
) -> None:
    names = [grey(here / "many" / f"{i:02}.png", 40).relative_to(here) for i in range(60)]
    mine, theirs = pty.openpty()

    def take_terminal() -> None:
        # So that the terminal sends SIGINT to all of the foreground group, decoders too.
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    with process("--files-from", "-", "--out", "r.csv", stdin=subprocess.PIPE, stderr=theirs, stdout=subprocess.DEVNULL,
                 preexec_fn=take_terminal, env={"TERM": "xterm"}) as running:  # fmt: skip
        os.close(theirs)
        # The list is never finished, so the scan is certain to be at work when the signal comes.
        running.stdin.write("".join(f"{name}\n" for name in names).encode())
        running.stdin.flush()
        partial, until = here / "r.csv.partial", time.monotonic() + 30
        while not partial.exists() or partial.read_bytes().count(b"\n") < 20:
            assert time.monotonic() < until, "it never came to that"
            time.sleep(0.01)
        os.write(mine, b"\x03")
        assert running.wait(30) == 130
    shown = b"".join(iter(lambda: _read(mine), b""))
    os.close(mine)
    text = re.sub(r"\x1b\[\d*m", "", shown.decode())
    lines = text.replace("\r\n", "\n").splitlines()
    assert re.fullmatch(
        r"error: interrupted after \d+ files; the rows so far are in r\.csv\.partial; the same command continues",
        lines[-1],
    )
    assert "Traceback" not in text and text.count("interrupted") == 1


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""

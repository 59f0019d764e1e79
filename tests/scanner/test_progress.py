"""The bar: on standard error, without a total until one is known, counting fakes."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner import Verdict
from scanner.progress import BarProgress, NullProgress


def test_the_bar_counts_files_and_fakes_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    bar = BarProgress(None)
    for verdict in (Verdict.FAKE, Verdict.REAL, None, Verdict.FAKE):
        bar.file(verdict)
    bar.close()
    bar.close()
    said = capsys.readouterr()
    assert said.out == ""
    assert "4 files" in said.err and "2 fake" in said.err and "%" not in said.err


def test_a_known_total_gives_a_share(capsys: pytest.CaptureFixture[str]) -> None:
    bar = BarProgress(2)
    bar.file(Verdict.REAL)
    bar.file(Verdict.REAL)
    bar.close()
    assert "100%" in capsys.readouterr().err


def test_the_null_twin_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    null = NullProgress()
    null.file(Verdict.FAKE)
    null.close()
    assert capsys.readouterr() == ("", "")


def on_a_terminal(arguments: list[str], folder: Path) -> str:
    """What a command writes to a terminal (standard error); standard output goes to a pipe."""
    mine, theirs = pty.openpty()
    rows_and_columns = struct.pack("HHHH", 40, 100, 0, 0)  # a new terminal has no width, and tqdm no room
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, rows_and_columns)
    with subprocess.Popen(
        [sys.executable, "-c", "from scanner.cli import main; main()", *arguments],
        stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL, cwd=folder,
    ) as running:  # fmt: skip
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(mine, 4096)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not part:
                break
            shown += part
        out = running.stdout.read() if running.stdout else b""
    os.close(mine)
    assert out.startswith(b"path,status,")
    assert b"files/s" not in out
    return shown.decode("utf-8")


@pytest.mark.parametrize(("option", "visible"), [(None, True), ("--no-progress", False), ("-q", False)])
def test_a_terminal_sees_the_bar_unless_told_otherwise(
    option: str | None, visible: bool, model: Path, grey: Callable[..., Path], tmp_path: Path
) -> None:
    grey(tmp_path / "a.png", 10)
    arguments = [".", "--out", "-", "--model", str(model), "--device", "cpu", *([option] if option else [])]
    shown = on_a_terminal(arguments, tmp_path)
    assert ("\r" in shown and " files [" in shown) is visible

"""The bar: on a terminal that can draw one, without a total until one is known, counting fakes and errors."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner import Status, Verdict
from scanner.terminal.progress import NullProgress, ScanBar


@pytest.fixture
def bar() -> Iterator[Callable[[int | None], ScanBar]]:
    made = []

    def begin(total: int | None) -> ScanBar:
        made.append(ScanBar(total))
        made[-1].begin()
        return made[-1]

    yield begin
    for one in made:
        one.close()


def test_the_bar_counts_files_fakes_and_errors_on_standard_error(
    bar: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = bar(None)
    for verdict in (Verdict.FAKE, Verdict.REAL, None, Verdict.FAKE):
        progress.file(Status.OK if verdict else Status.ERROR, verdict)
    progress.file(Status.SKIPPED, None)
    progress.close()
    progress.close()
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.rpartition("\r")[2]
    assert re.fullmatch(r"5 files \[00:00, +[\d.]+ files/s, 2 fake, 1 error\]\n", last)
    assert "0 fake, 0 errors" in said.err and "%" not in said.err


def test_the_share_and_the_time_left_are_shown_once_the_total_is_known(
    bar: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = bar(None)
    progress.file(Status.OK, Verdict.REAL)
    assert "<" not in capsys.readouterr().err
    progress.total(2)
    progress.file(Status.OK, Verdict.REAL)
    progress.close()
    assert re.search(
        r"100%\|.*\| 2/2 files \[00:00<00:00, +[\d.]+ files/s, 0 fake, 0 errors\]", capsys.readouterr().err
    )


def test_a_slow_model_has_files_per_second_too(bar: Any, capsys: pytest.CaptureFixture[str]) -> None:
    progress = bar(2)
    progress._bar.start_t -= 8
    progress.file(Status.OK, Verdict.REAL)
    progress.close()
    assert re.search(r"0\.1\d files/s", capsys.readouterr().err)


def test_a_line_has_the_terminals_line_to_itself(bar: Any, capsys: pytest.CaptureFixture[str]) -> None:
    progress = bar(None)
    capsys.readouterr()
    progress.hide()
    said = capsys.readouterr().err
    assert said.endswith("\r") and said.strip() == ""


def test_what_has_not_begun_can_be_hidden_and_closed_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for progress in (ScanBar(None), ScanBar(3), NullProgress()):
        progress.hide()
        progress.total(3)
        progress.close()
    assert capsys.readouterr() == ("", "")


def test_the_null_twin_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    null = NullProgress()
    null.begin()
    null.file(Status.OK, Verdict.FAKE)
    null.close()
    assert capsys.readouterr() == ("", "")


def has_bar(text: str) -> bool:
    return "\r" in text.replace("\r\n", "\n") or " files [" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "env", "visible"),
    [
        ([], {}, True),
        (["--no-progress"], {}, False),
        (["-q"], {}, False),
        (["-v"], {}, False),
        (["--list-skipped"], {}, False),
        ([], {"TERM": "dumb"}, False),
        ([], {"NO_COLOR": "1"}, True),
    ],
)
def test_a_terminal_sees_the_bar_unless_told_otherwise(
    options: list[str], env: dict[str, str], visible: bool, grey: Any, tmp_path: Path, on_terminal: Any
) -> None:
    grey(tmp_path / "a.png", 10)
    run = on_terminal(".", "--out", "-", *options, env=env)
    assert run.code == 0 and has_bar(run.text) is visible
    assert run.out.startswith(b"path,status,") and b"files/s" not in run.out and b"\r" not in run.out


@pytest.mark.slow
@pytest.mark.parametrize("columns", [30, 60, 100])
def test_the_bar_is_never_wider_than_the_terminal(
    columns: int, grey: Any, tmp_path: Path, on_terminal: Any
) -> None:
    names = [grey(tmp_path / f"{value}.png", value).name for value in (10, 20, 240)]
    run = on_terminal(*names, "--out", "r.csv", "--exit-zero", columns=columns)
    drawn = [line for line in re.split("[\r\n]+", run.text) if "files [" in line or "%|" in line]
    assert len(drawn) > 1 and max(map(len, drawn)) <= columns
    assert "3/3" in drawn[-1]
    if columns == 100:
        assert len(drawn[-1]) > 90 and "1 fake, 0 errors]" in drawn[-1]


@pytest.mark.slow
def test_the_bar_follows_a_terminal_that_changes_its_width(grey: Any, tmp_path: Path, process: Any) -> None:
    names = [grey(tmp_path / f"{value}.png", value).name for value in range(40)]
    mine, theirs = pty.openpty()

    def resize(columns: int) -> None:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

    def shown_until(text: str) -> str:
        shown = ""
        while text not in shown:
            assert select.select([mine], [], [], 30)[0], shown
            shown += os.read(mine, 4096).decode()
        return shown

    resize(100)
    with process("--files-from", "-", "--out", "r.csv", stdin=subprocess.PIPE, stderr=theirs,
                 env={"TERM": "xterm"}) as running:  # fmt: skip
        running.stdin.write("".join(f"{name}\n" for name in names[:30]).encode())
        running.stdin.flush()
        shown_until("errors]")
        resize(24)
        time.sleep(0.2)  # the bar is drawn ten times a second at most
        running.stdin.write("".join(f"{name}\n" for name in names[30:]).encode())
        running.stdin.close()
        os.close(theirs)
        after = shown_until("report: ")
    os.close(mine)
    last = [line for line in re.split("[\r\n]+", after) if "40/40" in line][-1]
    assert len(last) <= 24


@pytest.mark.slow
def test_the_total_is_known_when_the_walk_has_ended(grey: Any, tmp_path: Path, on_terminal: Any) -> None:
    for value in range(4):
        grey(tmp_path / "in" / f"{value}.png", value)
    run = on_terminal("in", "--out", "r.csv")
    assert "100%|" in run.text and "4/4 files [" in run.text
    assert "0 files [00:00, " in run.text, "before that there is none"


def test_what_is_said_before_the_first_file_is_not_said_into_the_bar(
    grey: Any, tmp_path: Path, on_terminal: Any
) -> None:
    (tmp_path / "empty").mkdir()
    run = on_terminal("empty", "--out", "r.csv")
    assert run.code == 2 and not has_bar(run.text)


@pytest.mark.slow
def test_a_warning_on_the_way_has_a_line_of_its_own(grey: Any, tmp_path: Path, on_terminal: Any) -> None:
    for value in range(40):
        grey(tmp_path / "in" / f"{value}.png", value)
    code = (
        "from scanner.memory import cache\n"
        "def add(self, result):\n"
        "    if result.path.endswith('20.png'): self._store._warn('the cache has \\x1b[31m gone')\n"
        "cache.Cache.add = add\n"
        "from scanner.cli import main; main()"
    )
    run = on_terminal("in", "--out", "r.csv", "--cache", "cache", code=code, env={"NO_COLOR": "1"})
    before, _, after = run.text.partition("warning: the cache has \\x1b[31m gone\r\n")
    assert after and before.endswith("\r") and before.rstrip("\r").endswith(" ")


@pytest.mark.slow
def test_rows_and_a_bar_do_not_share_a_terminal(grey: Any, tmp_path: Path, on_terminal: Any) -> None:
    grey(tmp_path / "a.png", 10)
    for out in ("-", "/dev/fd/1", "/dev/tty"):
        run = on_terminal("a.png", "--out", out, out_to_pipe=False, start_new_session=False)
        if run.code == 2:  # a session without a terminal of its own has no /dev/tty
            assert out == "/dev/tty"
            continue
        assert "a.png,ok," in run.text and not has_bar(run.text)

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from models.support.errors import DataError, ExitCode, Failure, ModelFileError, OutputError, run_command


def exit_code_of(callback: Callable[[], object], *argv: str) -> int:
    with pytest.raises(SystemExit) as caught:
        run_command(click.command()(callback), list(argv))
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (ExitCode.FINDINGS, 1), (2, 2)])
def test_what_a_command_returns_is_its_exit_code(returned: object, code: int) -> None:
    def command() -> object:
        return returned

    assert exit_code_of(command) == code


@pytest.mark.parametrize("kind", [Failure, ModelFileError, DataError, OutputError])
def test_failures_say_one_sentence_and_give_2(
    kind: type[Failure], capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise kind("this file is missing; make it")

    assert exit_code_of(command) == 2
    said = capsys.readouterr()
    assert said.err == "error: this file is missing; make it\n"
    assert said.out == ""


def test_a_failure_owns_its_exit_code() -> None:
    class Found(Failure):
        exit_code = ExitCode.FINDINGS

    def command() -> None:
        raise Found("found")

    assert exit_code_of(command) == 1


def test_bad_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise AssertionError("must not run")

    assert exit_code_of(command, "--no-such-option") == 2
    assert "--no-such-option" in capsys.readouterr().err


def test_help_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        """Does it."""

    assert exit_code_of(command, "--help") == 0
    assert "Does it." in capsys.readouterr().out


def test_a_crash_is_2_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise RuntimeError("unforeseen")

    assert exit_code_of(command) == 2
    said = capsys.readouterr().err
    assert "RuntimeError: unforeseen" in said
    assert "this is a bug" in said


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_interruption_is_130(error: type[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise error

    assert exit_code_of(command) == 130
    assert "interrupted" in capsys.readouterr().err


PIPE = """
import click
from models.support.errors import run_command

@click.command()
def command():
    for _ in range(100_000):
        click.echo("a line of a report")

run_command(command)
"""


def test_a_reader_that_goes_away_is_2_without_a_second_error() -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", PIPE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert running.stdout is not None and running.stderr is not None
    running.stdout.read(10)
    running.stdout.close()
    said = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 2
    assert b"Exception ignored" not in said and b"Traceback" not in said


WAIT = """
import time, click
from models.support.errors import run_command

@click.command()
def command():
    click.echo("ready")
    time.sleep(60)

run_command(command)
"""


def test_a_real_interrupt_is_130() -> None:
    running = subprocess.Popen([sys.executable, "-u", "-c", WAIT], stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline().strip() == b"ready"
    os.kill(running.pid, signal.SIGINT)
    running.stdout.close()
    assert running.wait() == 130


def test_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "FINDINGS": 1,
        "INCOMPLETE": 2,
        "INTERRUPTED": 130,
    }

"""What a person is told beside the log, and never twice."""

from __future__ import annotations

import logging
import sys

import pytest

from scanner.terminal.progress import NullProgress
from scanner.terminal.speaker import Speaker


class Bar(NullProgress):
    """Notes on standard error what it is told."""

    def hide(self) -> None:
        print("hidden", file=sys.stderr)


def test_the_bar_makes_room_before_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    speaker = Speaker(Bar())
    speaker.say("one")
    speaker.say("two")
    assert capsys.readouterr().err == "hidden\none\nhidden\ntwo\n"


@pytest.mark.parametrize(
    ("quiet", "verbose", "shown"),
    [(False, False, "warning: a\\nb\n"), (True, False, ""), (False, True, "")],
    ids=["usual", "quiet", "verbose: the log shows it"],
)
def test_a_warning_is_logged_and_said_at_most_once(
    quiet: bool,
    verbose: bool,
    shown: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "scanner"):
        Speaker(NullProgress(), quiet=quiet, verbose=verbose).warn("a\nb")
    assert caplog.messages == ["a\nb"]
    assert capsys.readouterr().err == shown


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Speaker(Bar(), quiet=True).say("one")
    assert capsys.readouterr().err == ""

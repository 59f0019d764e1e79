"""Colours where they are wanted, and texts that steer no terminal."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.support.terminal import Colour, is_dumb, is_terminal, paint, say, say_error, uses_colour, visible


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("env", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
    ],
)
def test_who_sees_colours(
    env: dict[str, str], terminal: bool, pipe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"TERM": "xterm"} | env).items():
        monkeypatch.setenv(name, value)
    assert (uses_colour(Stream(terminal=True)), uses_colour(Stream(terminal=False))) == (terminal, pipe)
    assert uses_colour(None) is pipe and is_dumb() is (env.get("TERM") == "dumb")
    for is_one, coloured in ((True, terminal), (False, pipe)):
        stream = Stream(terminal=is_one)
        monkeypatch.setattr(sys, "stderr", stream)
        say(f"it is {paint('fake', Colour.BAD)}")
        say_error("no\x1b[2J")
        bad = ("\x1b[31m", "\x1b[0m") if coloured else ("", "")
        assert stream.getvalue() == f"it is {bad[0]}fake{bad[1]}\n{bad[0]}error{bad[1]}: no\\x1b[2J\n"


def test_a_stream_that_is_closed_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert not is_terminal(stream) and not is_terminal(None)


def test_that_nobody_hears_it_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Stream):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    for stream in (Full(terminal=False), None):
        monkeypatch.setattr(sys, "stderr", stream)
        say("hello")


@given(st.text())
def test_a_visible_text_holds_nothing_but_print_and_line_ends(text: str) -> None:
    shown = visible(text)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert shown == text or not all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize(
    "character", ["\x1b", "\r", "\t", "\x07", "\x7f", "\x9b", "\u202e", "\u2028", "\udce9"]
)
def test_what_steers_a_terminal_is_spelt_out(character: str) -> None:
    assert visible(f"a{character}b\n") == f"a{character.encode('unicode_escape').decode()}b\n"

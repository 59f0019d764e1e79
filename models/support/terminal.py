"""What all commands know of the terminal that standard error may be: colours, and texts that cannot steer it.

Standard library only until something is said.
"""

from __future__ import annotations

import contextlib
import os
import sys
from enum import StrEnum
from importlib import import_module
from typing import Any, TextIO


class Colour(StrEnum):
    """The few that are used, by Click's names."""

    BAD = "red"
    DOUBTFUL = "yellow"


def is_terminal(stream: TextIO | None) -> bool:
    """``None`` is a stream that whoever started us closed."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed since
        return False


def is_dumb() -> bool:
    """A terminal that can only print (``TERM=dumb``): no bar, which goes back in its line, and no colours."""
    return os.environ.get("TERM") == "dumb"


def uses_colour(stream: TextIO | None) -> bool:
    """https://no-color.org and https://force-color.org; ``NO_COLOR`` wins. ``0`` forces nothing."""
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return is_terminal(stream) and not is_dumb()


def paint(text: str, colour: Colour) -> str:
    """In a colour if standard error takes any, and Click can be loaded."""
    click = _click() if uses_colour(sys.stderr) else None
    return text if click is None else str(click.style(text, fg=colour.value))


def visible(text: str) -> str:
    """A text that cannot move a terminal's cursor or colour it; line ends stay."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text
    )


def say(text: str, *, end: str = "\n") -> None:
    """To the person at standard error. That nobody can hear it (a closed pipe, a full disk) fails nothing."""
    with contextlib.suppress(OSError):
        if (click := _click()) is not None:
            click.echo(text + end, err=True, nl=False, color=uses_colour(sys.stderr))
        else:
            print(text, end=end, file=sys.stderr)  # noqa: T201


def say_error(message: str) -> None:
    """The sentence with which a command ends; it may quote a name from anywhere."""
    say(f"{paint('error', Colour.BAD)}: {visible(message)}")


def _click() -> Any:
    """``None`` if it cannot be loaded, which must still be told."""
    try:
        return import_module("click")
    except (Exception, SystemExit):  # noqa: BLE001 - whatever is in its place
        return None

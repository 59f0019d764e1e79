"""Failures that a user can act on, and the one place that turns them into exit codes.

Each exception class owns its exit code and carries a message that says what happened to which file and
what to do about it. ``run_command`` is the boundary of all five commands: Click's own codes (1 for a
crash) never reach the shell, because for ``scan`` the code 1 means "something matched".
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from models.support.terminal import say, say_error, visible

if TYPE_CHECKING:
    import click


class ExitCode(IntEnum):
    """What a finished command says to the shell."""

    OK = 0
    FINDINGS = 1
    INCOMPLETE = 2
    INTERRUPTED = 130


class Failure(Exception):
    """A failure with a remedy: ``str(error)`` is one sentence for the user."""

    exit_code = ExitCode.INCOMPLETE


class ModelFileError(Failure):
    """A model or checkpoint is missing, altered, foreign or damaged."""


class DataError(Failure):
    """A labelled data tree cannot be used as it is."""


class OutputError(Failure):
    """A result cannot be written where it was asked for."""


class CannotStart(Failure):
    """The command itself, or a library that it needs, cannot be loaded."""


def run_command(command: click.Command, argv: Sequence[str] | None = None) -> NoReturn:
    """Run a Click command and leave the process with an :class:`ExitCode`.

    The command's callback returns an ``int`` (or ``None`` for 0). SIGINT gives 130; any failure that is
    ours, Click's or nobody's gives 2, the last with its traceback. A library that cannot be loaded is a sentence.
    """
    _leave(lambda: _invoke(command, argv))


def start_command(name: str, module: str, attribute: str) -> NoReturn:
    """:func:`run_command` for a command that is still to be imported: what cannot be gives 2 and a sentence, too."""

    def start() -> int:
        try:
            command = getattr(import_module(module), attribute)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a library may raise anything
            from models.support.dependencies import AGAIN, import_failure, why

            raise CannotStart(
                import_failure(error) or f"{name} cannot start ({why(error)}); {AGAIN}"
            ) from None
        return _invoke(command, None)

    _leave(start)


def _leave(work: Callable[[], int]) -> NoReturn:
    try:
        code = work()
    except Failure as error:
        say_error(str(error))
        code = int(error.exit_code)
    except KeyboardInterrupt:
        say("interrupted")
        code = int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        code = int(ExitCode.INCOMPLETE)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the boundary: whatever it was, it must not leave as code 1
        _say_unforeseen(error)
        code = int(ExitCode.INCOMPLETE)
    _give_up_unwritten_output()
    sys.exit(code)


def _invoke(command: click.Command, argv: Sequence[str] | None) -> int:
    import click

    try:
        result = command.main(args=argv, standalone_mode=False)
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
    except click.ClickException as error:
        words = io.StringIO()
        error.show(words)  # it may quote a file's name as an option that there is not
        say(visible(words.getvalue()), end="")
        return int(ExitCode.INCOMPLETE)
    except click.Abort:
        raise KeyboardInterrupt from None
    return int(result) if isinstance(result, int) else int(ExitCode.OK)


def _say_unforeseen(error: Exception | SystemExit) -> None:
    from models.support.dependencies import import_failure

    sentence = import_failure(error)
    if sentence is not None:
        say_error(sentence)
    elif not isinstance(error, SystemExit):
        import traceback

        say(visible("".join(traceback.format_exception(error))), end="")
        say_error("this is a bug in deepfake-scanner; please report it with the lines above")
    # The reader of a pipe went away (`scan … --out - | head`), which Click turns into `sys.exit(1)`: nothing to say.


def _give_up_unwritten_output() -> None:
    """What a full disk or a closed pipe did not take, Python tries once more at its exit, and then leaves with
    its own code 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, stream.fileno())
            os.close(devnull)

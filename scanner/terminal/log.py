"""The process around a scan: signals and the log."""

from __future__ import annotations

import logging
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.support.errors import Failure, OutputError
from models.support.terminal import Colour, paint, visible

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_LOG_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")


def looks_like_log(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a log of an earlier run."""
    return _LOG_LINE.match(head) is not None


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends a scan as Ctrl-C does: rows kept, exit 130."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and only it is interrupted
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _TerminalFormatter(logging.Formatter):
    """The level in its colour, and nothing in the message that steers the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname
        if record.levelno >= logging.WARNING:
            level = paint(level, Colour.BAD if record.levelno >= logging.ERROR else Colour.DOUBTFUL)
        return f"{level}: {visible(super().format(record))}"


class _LogFile(logging.FileHandler):
    """Ends the run when it cannot be written: a log that was asked for may be evidence."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # File names that are not valid text may be quoted in it.
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise OutputError(f"{self._path} cannot be written: {reason}; the scan has stopped") from None


@contextmanager
def logging_to(log_file: Path | None, *, verbose: bool) -> Iterator[None]:
    """Errors always reach stderr; with ``verbose`` also why each file failed; ``log_file`` gets everything.

    Raises :class:`OutputError` when the log cannot be written.
    """
    logger = logging.getLogger("scanner")
    before = logger.level, logger.propagate
    terminal = logging.StreamHandler()
    terminal.setLevel(logging.INFO if verbose else logging.ERROR)
    terminal.setFormatter(_TerminalFormatter())
    handlers: list[logging.Handler] = [terminal]
    file = _LogFile(log_file) if log_file is not None else None
    if file is not None:
        file.setFormatter(logging.Formatter(LOG_FORMAT))
        handlers.append(file)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            # The limit on pixels is ours and costs a row; Pillow's warning about it would say it again.
            warnings.filterwarnings("ignore", module="PIL")
            yield
    except Failure as failure:
        # The boundary says it on stderr alone; the log must end with the reason, too.
        if file is not None and not isinstance(failure, OutputError):
            file.handle(logging.makeLogRecord(_record(failure)))
        raise
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            _close(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _record(failure: Failure) -> dict[str, object]:
    return {
        "name": "scanner",
        "levelno": logging.ERROR,
        "levelname": logging.getLevelName(logging.ERROR),
        "msg": str(failure),
    }


def _close(handler: logging.Handler) -> None:
    try:
        handler.close()
    except OSError:
        return  # a full disk: the record that did not fit has told it

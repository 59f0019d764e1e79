"""What decoders, and the libraries in them, write to standard error goes to the log."""

from __future__ import annotations

import logging
import os
import threading

from scanner.results.names import printable

log = logging.getLogger("scanner.sandbox")

_PATIENCE = 1.0
"""Seconds that closing waits for the last lines. A Ctrl-C between the start of a decoder and its place in the pool
leaves one that nobody ends: it holds the pipe open until this process is gone, and goes with it."""


class StderrLog:
    """A pipe that all decoders of a pool write to, and the thread that reads it."""

    def __init__(self) -> None:
        reader, self.writer = os.pipe()
        self._thread = threading.Thread(target=_log_lines, args=(reader,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Once all who could write to it are gone, as far as is known."""
        os.close(self.writer)
        self._thread.join(_PATIENCE)


def _log_lines(descriptor: int) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="backslashreplace") as stream:
        for line in stream:
            log.info("decoder: %s", printable(line.rstrip()))

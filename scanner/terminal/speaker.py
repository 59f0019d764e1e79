"""What a scan says to the person at standard error, beside its log."""

from __future__ import annotations

import logging

from models.support import terminal
from scanner.results.names import printable
from scanner.terminal.progress import Progress

log = logging.getLogger("scanner")


class Speaker:
    """Silent with ``--quiet``; a line never lands in the middle of the progress bar."""

    def __init__(self, progress: Progress, *, quiet: bool = False, verbose: bool = False) -> None:
        self.progress = progress
        self._quiet, self._verbose = quiet, verbose

    def say(self, line: str) -> None:
        if not self._quiet:
            self.progress.hide()
            terminal.say(line)

    def warn(self, line: str) -> None:
        """Into the log, too."""
        log.warning(line)
        if not self._verbose:  # else the log's own warnings are on standard error
            self.say(f"{terminal.paint('warning', terminal.Colour.DOUBTFUL)}: {printable(line)}")

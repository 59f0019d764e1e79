"""The process around a scan: signals and the log."""

from __future__ import annotations

import logging
import signal
import warnings
from pathlib import Path

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def catch_sigterm() -> None:
    """Let SIGTERM end a scan as Ctrl-C does: rows kept, exit 130."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def set_up_logging(*, quiet: bool, verbose: bool, log_file: Path | None) -> None:
    """Errors always reach stderr; with ``verbose`` also why each file failed; ``log_file`` gets everything."""
    logger = logging.getLogger("scanner")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    terminal = logging.StreamHandler()
    terminal.setLevel(logging.INFO if verbose else logging.ERROR)
    terminal.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(terminal)
    if log_file is not None:
        file = logging.FileHandler(log_file, encoding="utf-8")
        file.setFormatter(logging.Formatter(LOG_FORMAT))
        logger.addHandler(file)
    # Our own limit on pixels decides, with a row; Pillow's warning would be a second voice on stderr.
    warnings.filterwarnings("ignore", module="PIL")

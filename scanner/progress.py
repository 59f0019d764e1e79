"""Progress of a scan on stderr, injected into the command; silent without a terminal."""

from __future__ import annotations

import sys
from typing import Protocol

from scanner.policy import Verdict


class Progress(Protocol):
    """Told about each finished file."""

    def file(self, verdict: Verdict | None) -> None: ...
    def close(self) -> None: ...


class NullProgress:
    """For pipes, ``-q`` and ``--no-progress``."""

    def file(self, verdict: Verdict | None) -> None:
        return

    def close(self) -> None:
        return


class BarProgress:
    """A tqdm line: files, rate, time, and how many are fake so far.

    ``total`` is known only when every file was named; a folder's size is not known before its walk ends.
    """

    def __init__(self, total: int | None) -> None:
        from tqdm import tqdm

        self._fakes = 0
        self._bar = tqdm(total=total, unit=" files", file=sys.stderr, dynamic_ncols=True, smoothing=0.05)

    def file(self, verdict: Verdict | None) -> None:
        if verdict is Verdict.FAKE:
            self._fakes += 1
            self._bar.set_postfix_str(f"{self._fakes} fake", refresh=False)
        self._bar.update()

    def close(self) -> None:
        self._bar.close()

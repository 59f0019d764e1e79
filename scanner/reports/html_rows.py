"""The rows of the page's table: all of them, or of a large scan those that a person would look at first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scanner.judgement.policy import Verdict
from scanner.judgement.ranking import Ranking
from scanner.reports.spool import Piece, Spool
from scanner.results import Status

MOST_ROWS = 20_000
MOST_BYTES = 16 << 20
"""Of all rows together: names may have thousands of letters."""

_RANKS: dict[str | None, int] = {Verdict.FAKE: 4, Verdict.INCONCLUSIVE: 3, Verdict.REAL: 1}
_ERROR, _SKIPPED = 2, 0
"""Beside those: what could not be read comes before what was read and not flagged."""


class TableRows:
    """In the order of the scan while there are few; of many the most suspicious, the first ones first.

    Memory for :data:`MOST_ROWS` places, whatever the scan holds.
    """

    def __init__(
        self, shown: tuple[str, ...], most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES
    ) -> None:
        self._shown, self._most_rows, self._most_bytes = shown, most_rows, most_bytes
        self._spool = Spool()
        self._ranking: Ranking[Piece] = Ranking(most_rows)
        self._held: list[Piece] = []
        self._all = self._bytes = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Raises :class:`models.support.errors.OutputError` when the folder for temporary files is full."""
        self._all += 1
        key = _suspicion(row)
        # What can no longer come onto the page need not wait on the disk either.
        if not self._ranking.admits(key):
            return
        piece = self._spool.write(_data([row[name] for name in self._shown]))
        self._bytes += piece.length + 2
        self._ranking.add(key, piece)

    @property
    def left_out(self) -> int:
        """How many rows the page does not have; known once all were added."""
        return self._all - len(self._chosen())

    def lines(self) -> Iterator[bytes]:
        """JSON, each after a line end, and all but the first after a comma; nothing can be read after them."""
        for number, data in enumerate(self._spool.pieces(self._chosen())):
            yield (b",\n" if number else b"\n") + data

    def _chosen(self) -> list[Piece]:
        if self._all <= self._most_rows and self._bytes <= self._most_bytes:
            return sorted(self._ranking.items())
        if not self._held:
            room = self._most_bytes
            for piece in self._ranking.items():
                room -= piece.length + 2
                if room < 0:
                    break
                self._held.append(piece)
        return self._held


def _suspicion(row: Mapping[str, Any]) -> tuple[int, float]:
    if row["verdict"] is not None:
        return _RANKS[row["verdict"]], row["prob_fake"]
    return (_ERROR if row["status"] == Status.ERROR else _SKIPPED), 0.0


def _data(value: object) -> bytes:
    """JSON that no HTML parser sees an end in (``</script``, ``<!--``)."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c").encode()

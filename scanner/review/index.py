"""Where each row of a JSON Lines report stands, its score and its content's hash: some 60 bytes of memory a row.

Rows themselves are read again when they are asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from models.contract import PROB_DECIMALS
from models.support.errors import Failure
from scanner.judgement.policy import Verdict
from scanner.reports.jsonl import looks_like_jsonl
from scanner.results import ErrorCode

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SCALE = 10**PROB_DECIMALS
_DIGEST = 32
_VERDICTS = (Verdict.REAL, Verdict.INCONCLUSIVE, Verdict.FAKE)


# As JSON Lines reports are written; inside a string these quotes would have a backslash before them.
_SCORE = re.compile(rb'"status":"(\w+)","prob_fake":(null|[0-9.e-]+),"verdict":(?:null|"(\w+)"),').search
_CONTAINER = f'"error":"{ErrorCode.CONTAINER.value}",'.encode()
_CONTENT = re.compile(rb'"sha256":(?:null|"([0-9a-f]{64})"),').search


def _columns(line: bytes) -> tuple[str, float | None, str | None, str | None]:
    """Status, score, verdict and SHA-256 of a row, eight times as fast as a parser of all of it where that is
    possible. Raises ``ValueError``, ``TypeError`` or ``KeyError`` for what is no row."""
    score, content = _SCORE(line), _CONTENT(line)
    if score is None or content is None or not line.endswith(b"}\n"):
        row = json.loads(line)
        return str(row["status"]), row["prob_fake"], row["verdict"], row["sha256"]
    status, prob_fake, verdict = score.groups()
    return (
        status.decode(),
        None if prob_fake == b"null" else float(prob_fake),
        None if verdict is None else verdict.decode(),
        None if content[1] is None else content[1].decode(),
    )


class ReviewError(Failure):
    """A review cannot be begun, or not be exported."""


@dataclass(frozen=True)
class Item:
    """One content of the report, by whatever number of names."""

    number: int
    """Of its first row among those that can be reviewed, from 0."""
    sha256: str
    prob_fake: float
    verdict: Verdict


class Index:
    """Rows of ``status`` *ok*. Rows with one content are one item, its first row's."""

    def __init__(self, path: Path) -> None:
        """Reads the whole report once. Raises :class:`ReviewError`."""
        self.path = path
        self._offsets, self._scores, self._verdicts = array("q"), array("i"), array("b")
        self._digests = bytearray()
        self.statuses: Counter[str] = Counter()
        """Of all rows."""
        self.containers = 0
        """Rows of archives and documents whose members have rows of their own."""
        try:
            with path.open("rb") as stream:
                self.sha256 = self._read(stream)
        except OSError as error:
            raise ReviewError(f"{path} cannot be read: {error.strerror}") from None
        self._by_digest = self._sorted_by_digest()

    def _read(self, stream: IO[bytes]) -> str:
        whole, offset = hashlib.sha256(), 0
        for number, line in enumerate(stream, start=1):
            if number == 1 and not looks_like_jsonl(line[:256]):
                raise ReviewError(f"{self.path} is no JSON Lines report; scan with --out report.jsonl")
            whole.update(line)
            try:
                self._add(_columns(line), offset)
            except (ValueError, TypeError, KeyError):
                raise ReviewError(
                    f"line {number} of {self.path} is no row of a report; was the scan cut off? Scan again"
                ) from None
            self.containers += _CONTAINER in line
            offset += len(line)
        return whole.hexdigest()

    def _add(self, row: tuple[str, float | None, str | None, str | None], offset: int) -> None:
        status, prob_fake, verdict, sha256 = row
        self.statuses[status] += 1
        if prob_fake is None or sha256 is None:
            return
        digest = bytes.fromhex(sha256)
        if len(digest) != _DIGEST or not 0 <= prob_fake <= 1 or verdict is None:
            raise ValueError("no row of a report")
        self._verdicts.append(_VERDICTS.index(Verdict(verdict)))
        self._offsets.append(offset)
        self._scores.append(round(prob_fake * _SCALE))
        self._digests += digest

    def __len__(self) -> int:
        """Rows that can be reviewed."""
        return len(self._offsets)

    @property
    def rows(self) -> int:
        """All rows of the report."""
        return self.statuses.total()

    def _words(self) -> npt.NDArray[np.uint64]:
        import numpy as np

        return np.frombuffer(self._digests, dtype=">u8").reshape(-1, _DIGEST // 8)

    def _sorted_by_digest(self) -> npt.NDArray[np.uint32]:
        """Row numbers; those of one content side by side, in their order."""
        import numpy as np

        words = self._words()
        order = np.lexsort([words[:, column] for column in reversed(range(words.shape[1]))])
        return order.astype(np.uint32)

    def firsts(self) -> npt.NDArray[np.uint32]:
        """The first row of each content, in the order of the report."""
        import numpy as np

        if not len(self):
            return np.empty(0, np.uint32)
        is_first = np.zeros(len(self), bool)
        is_first[0] = True
        for (
            column
        ) in self._words().T:  # one after another: a copy of all would be the largest thing in memory
            words = column[self._by_digest]
            is_first[1:] |= words[1:] != words[:-1]
        return np.sort(self._by_digest[is_first])

    def scores(self) -> npt.NDArray[np.int32]:
        """``prob_fake`` of each row in millionths."""
        import numpy as np

        return np.frombuffer(self._scores, dtype=np.int32)

    def flags(self) -> npt.NDArray[np.bool_]:
        """Which rows the report calls fake."""
        import numpy as np

        verdicts = np.frombuffer(self._verdicts, dtype=np.int8)
        return np.equal(verdicts, _VERDICTS.index(Verdict.FAKE))

    def digest(self, number: int) -> bytes:
        """SHA-256 of a row's file."""
        return bytes(self._digests[number * _DIGEST : (number + 1) * _DIGEST])

    def item(self, number: int) -> Item:
        score = self._scores[number] / _SCALE
        return Item(number, self.digest(number).hex(), score, _VERDICTS[self._verdicts[number]])

    def find(self, sha256: str) -> Sequence[int]:
        """The rows with a content, in their order; none for what the report does not have."""
        try:
            wanted = bytes.fromhex(sha256)
        except ValueError:
            return []
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.digest(self._by_digest[middle]) < wanted else (low, middle)
        found = []
        while low < len(self) and self.digest(number := int(self._by_digest[low])) == wanted:
            found.append(number)
            low += 1
        return found

    def record(self, number: int) -> dict[str, Any]:
        """A row as the report has it. Raises :class:`ReviewError` if the report was changed since."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(self._offsets[number])
                row = json.loads(stream.readline())
            if row["sha256"] == self.digest(number).hex():
                return dict(row)
        except (ValueError, TypeError, KeyError, OSError):
            pass
        raise ReviewError(f"{self.path} was changed while it was reviewed; start again")

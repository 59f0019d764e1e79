"""Which lines a journal holds of which file, read when it is opened again."""

from __future__ import annotations

import contextlib
import json
from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from scanner.memory.journal_header import check_same
from scanner.results.record import record_key


class Lines:
    """Where each file's lines are: 16 bytes for each."""

    def __init__(self, names: Sequence[int], offsets: Sequence[int]) -> None:
        digests = np.array(names, np.uint64)
        order = np.argsort(digests, kind="stable")
        self._names, self._offsets = digests[order], np.array(offsets, np.uint64)[order]

    def __len__(self) -> int:
        # numpy.unique loads numpy.ma, a twentieth of the start of a scan.
        return int(np.count_nonzero(np.diff(self._names))) + bool(len(self._names))

    def offsets(self, name: str) -> list[int]:
        """Of the lines that may be this file's, the last written first."""
        digest = np.uint64(_digest(name))
        first, last = (int(np.searchsorted(self._names, digest, side)) for side in ("left", "right"))
        return [int(offset) for offset in self._offsets[first:last][::-1]]


def read_lines(path: Path, ours: Mapping[str, Any]) -> tuple[Lines, Lines, int]:
    """Lines of files, lines of parts, and the bytes up to which the journal is whole."""
    names, offsets, end = (array("Q"), array("Q")), (array("Q"), array("Q")), 0
    # The first line that is none ends it.
    with path.open("rb") as stream, contextlib.suppress(ValueError):
        header = _read_header(stream.readline())
        check_same(path, header, ours)
        end = stream.tell()
        for line in stream:
            name, is_part = record_key(line)
            names[is_part].append(_digest(name))
            offsets[is_part].append(end)
            end += len(line)
    return Lines(names[0], offsets[0]), Lines(names[1], offsets[1]), end


def _read_header(line: bytes) -> dict[str, Any]:
    header = json.loads(line)
    if not (line.endswith(b"\n") and isinstance(header, dict)):
        raise ValueError("cut off")
    return header


def _digest(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")

"""What GitHub code scanning takes: an upload above one of its limits is refused whole.

https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from scanner.judgement.tally import LeftOut

MOST_RESULTS = 25_000
"""In one run; 5,000 of them are shown."""
MOST_COMPRESSED = 10_000_000
"""Bytes of the file in gzip."""
# What the compressor holds back (64 KiB), the end of the file, and the hash of a line that the upload adds to each
# result: some 14 bytes of MOST_RESULTS.
_RESERVE = 500_000


class CompressedSize:
    """What gzip makes of the bytes so far, counted as they are written."""

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(wbits=31)
        self._bytes = 0

    def add(self, data: bytes) -> None:
        self._bytes += len(self._gzip.compress(data))

    def has_room_for(self, data: bytes) -> bool:
        """Even if ``data`` cannot be compressed."""
        return self._bytes + len(data) <= MOST_COMPRESSED - _RESERVE


class Notice(NamedTuple):
    """That something is left out."""

    level: str
    """A SARIF level: what a user chose is a note."""
    id: str
    text: str


def notices_of(left_out: LeftOut) -> Iterator[Notice]:
    """One for each reason there was."""
    if left_out.known:
        text = f"findings left out, which the baseline knows (--sarif-known keeps them): {left_out.known:,}"
        yield Notice("note", "known_left_out", text)
    most = f"{MOST_COMPRESSED // 1_000_000} MB in gzip"
    if left_out.results:
        text = (
            "results left out, the least suspicious, since code scanning takes no more than "
            f"{MOST_RESULTS:,} in a run and {most}: {left_out.results:,}"
        )
        yield Notice("warning", "results_left_out", text)
    if left_out.notifications:
        text = (
            "files without a score left out of the notifications, since code scanning takes no more than "
            f"{most}: {left_out.notifications:,}"
        )
        yield Notice("warning", "notifications_left_out", text)

"""What GitHub code scanning takes: an upload above one of its limits is refused whole.

https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads
"""

from __future__ import annotations

import zlib

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

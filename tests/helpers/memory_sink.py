"""A report's bytes, kept instead of written."""

from __future__ import annotations


class MemorySink:
    """A :class:`scanner.reports.sinks.Sink`."""

    name = "report"

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def sha256(self) -> str:
        return ""

    def commit(self) -> None: ...

    def abandon(self) -> None: ...

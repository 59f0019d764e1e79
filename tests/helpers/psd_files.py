"""PSD files by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

RED, GREEN, BLUE = bytes([200, 10, 10, 10]), bytes([10, 200, 10, 10]), bytes([10, 10, 200, 10])
"""Channels of 2 × 2 pixels."""


def psd(
    channels: Sequence[bytes] = (RED, GREEN, BLUE),
    *,
    merged: bool | None = True,
    layers: int = 0,
    version: int = 1,
    bits: int = 8,
    mode: int = 3,
) -> bytes:
    """By hand: 2 × 2 pixels without compression; ``layers`` is only a count."""
    header = b"8BPS" + struct.pack(">H6xHIIHH", version, len(channels), 2, 2, bits, mode)
    said = b""
    if merged is not None:
        content = struct.pack(">IB", 1, merged) + b"\0" * 13
        said = b"8BIM" + struct.pack(">H2sI", 0x0421, b"\0\0", len(content)) + content
    inner = struct.pack(">hxx", layers) if layers else b""
    of_layers = struct.pack(">I", len(inner)) + inner if inner else b""
    sections = [b"", said, of_layers]
    body = b"".join(struct.pack(">I", len(one)) + one for one in sections)
    return header + body + struct.pack(">H", 0) + b"".join(channels)

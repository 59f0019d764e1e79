"""PSD files by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

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
    resources: Mapping[int, bytes] | None = None,
) -> bytes:
    """By hand: 2 × 2 pixels without compression; ``layers`` is only a count; ``resources`` by their numbers."""
    header = b"8BPS" + struct.pack(">H6xHIIHH", version, len(channels), 2, 2, bits, mode)
    said = b"".join(resource(number, content) for number, content in (resources or {}).items())
    if merged is not None:
        content = struct.pack(">IB", 1, merged) + b"\0" * 13
        said += resource(0x0421, content)
    inner = struct.pack(">hxx", layers) if layers else b""
    of_layers = struct.pack(">I", len(inner)) + inner if inner else b""
    sections = [b"", said, of_layers]
    body = b"".join(struct.pack(">I", len(one)) + one for one in sections)
    return header + body + struct.pack(">H", 0) + b"".join(channels)


def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    """An image resource; name and content are filled up to an even length."""
    named = bytes([len(name)]) + name + b"\0" * (1 - len(name) % 2)
    filled = content + b"\0" * (len(content) % 2)
    return b"8BIM" + struct.pack(">H", number) + named + struct.pack(">I", len(content)) + filled


def psd_behind(resources: bytes) -> bytes:
    """The beginning of a PSD of 256 colours, as far as the first of its resources."""
    return psd()[:26] + (768).to_bytes(4) + bytes(768) + len(resources).to_bytes(4) + resources

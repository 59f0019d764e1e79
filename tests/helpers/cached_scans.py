"""What the tests of cached scans share."""

from __future__ import annotations

from pathlib import Path

from scanner import encode_path
from scanner.sources import Candidate, MediaKind


def settled(path: Path, content: bytes = b"x") -> Candidate:
    """A file that was last changed a minute ago, as far as its own times tell; so a stamp can be made of it."""
    path.write_bytes(content)
    return Candidate(str(path), encode_path(str(path)), MediaKind.IMAGE, explicit=False)

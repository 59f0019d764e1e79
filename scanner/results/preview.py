"""A file as a page shows it to people."""

from __future__ import annotations

from typing import NamedTuple


class Preview(NamedTuple):
    """Small pictures, as ``data:`` URIs."""

    judged: str
    """The square that the file's value is the score of."""
    picture: str | None = None
    """The whole of a picture whose faces were judged."""

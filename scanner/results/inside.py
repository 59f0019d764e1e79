"""A member of a container: where it is, and what its row says of it."""

from __future__ import annotations

from typing import NamedTuple

from scanner.results.result import Stamp


class Inside(NamedTuple):
    """Where a member is."""

    number: int
    """From 0, among all members of the outermost container, in the order in which they are met."""
    name: str
    """Its own, as the container says it."""
    container: str
    """SHA-256 of the outermost container."""
    status: Stamp | None = None
    """What the file system said of that when it was opened; ``None`` where its hash is compared later."""

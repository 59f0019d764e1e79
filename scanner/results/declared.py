"""What a file says of its own making, in one word; no part of the score."""

from __future__ import annotations

from enum import StrEnum


class Declared(StrEnum):
    """Where a file says more than one of them, the first of this list holds."""

    GENERATED = "generated"
    """A generator made it, whole or in part."""
    EDITED = "edited"
    """A program that changes pictures wrote it, or it lists changes."""
    CAMERA = "camera"
    """A camera took it, and nothing in it says more."""

"""What a container holds, as the container says it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from scanner.results.parts import Gap


@dataclass(frozen=True)
class Entry:
    """A file in a container; folders and links are none."""

    name: str
    """As :func:`os.fsdecode` gives it; never a path."""
    open: Callable[[], BinaryIO]
    """Once, and before the next entry is asked for; may raise anything."""
    size: int | None = None
    """In bytes, as declared; ``None`` where it is not."""
    gap: Gap | None = None
    """Why it cannot be opened."""
    is_charged: bool = False
    """Whether its bytes are charged to the budget as they are read."""


def name_of(raw: bytes) -> str:
    """Of the bytes of a name, as the name law wants it."""
    return os.fsdecode(raw)


def own_words(name: str) -> str:
    """The same name if it stands for bytes, else one that does: libraries make names of anything."""
    try:
        return os.fsdecode(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode()

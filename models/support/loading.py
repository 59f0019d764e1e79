"""Loading modules without looking for garbage among what they make."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def frozen() -> Iterator[None]:
    """Whatever lives at the end is never looked through again: classes and functions stay, and going through them is a
    twentieth of a start. For a first import: garbage of before would stay, too."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()

"""The one way to write a file whole: aside, onto the disk, renamed. A crash at any moment leaves the older one or the
new one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from models.support.errors import OutputError


@contextlib.contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A name beside ``path`` to write to; at the block's end that file takes the name of ``path``.

    ``shared``: another process may be writing ``path``, too. Raises :class:`OutputError`; after that, and after
    whatever else ends the block, ``path`` is as it was and nothing is left beside it.
    """
    owner = f".{os.getpid()}" if shared else ""
    aside = path.with_name(f".{path.name}{owner}.part")
    try:
        yield aside
        with aside.open("r+b") as stream:
            os.fsync(stream.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """So that a new name in it, too, outlives a power failure; not every system knows how."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

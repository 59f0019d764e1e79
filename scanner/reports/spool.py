"""Text that is known early and belongs late: kept on the disk once it is large, so that memory stays bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import IO

from models.errors import OutputError

_IN_MEMORY = 1 << 20
_PIECE = 1 << 16


class Spool:
    """Written first, copied once. The file has no name, so that nothing is left behind."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by copy_to
        self.is_empty = True

    def write(self, data: bytes) -> None:
        """Raises :class:`OutputError` when the folder for temporary files is full."""
        self.is_empty = False
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError(
                f"a temporary file cannot be written: {error.strerror}; the scan has stopped; "
                "make room, or set TMPDIR to another folder"
            ) from None

    def copy_to(self, write: Callable[[bytes], object]) -> None:
        with self._file as file:
            file.seek(0)
            while piece := file.read(_PIECE):
                write(piece)

"""Text that is known early and belongs late: kept on the disk once it is large, so that memory stays bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, NamedTuple

from models.support.errors import OutputError

_IN_MEMORY = 1 << 20
_PIECE = 1 << 16


class Piece(NamedTuple):
    """Where something stands in a spool."""

    begin: int
    length: int


class Spool:
    """Written first, then read: once as it stands, or piece by piece. The file has no name, so that nothing is left."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by its readers
        self._size = 0

    @property
    def is_empty(self) -> bool:
        return self._size == 0

    def write(self, data: bytes) -> Piece:
        """Raises :class:`OutputError` when the folder for temporary files is full."""
        piece = Piece(self._size, len(data))
        self._size += len(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError(
                f"a temporary file cannot be written: {error.strerror}; the scan has stopped; "
                "make room, or set TMPDIR to another folder"
            ) from None
        return piece

    def pieces(self, wanted: Iterable[Piece]) -> Iterator[bytes]:
        """In the order in which they are asked for; nothing can be read after them."""
        with self._file as file:
            for piece in wanted:
                file.seek(piece.begin)
                yield file.read(piece.length)

    def lines(self) -> Iterator[bytes]:
        """Each with its line end; nothing can be read after them."""
        with self._file as file:
            file.seek(0)
            yield from file

    def copy_to(self, write: Callable[[bytes], object]) -> None:
        with self._file as file:
            file.seek(0)
            while piece := file.read(_PIECE):
                write(piece)

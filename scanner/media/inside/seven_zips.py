"""7z by py7zr, which hands over what it unpacks and cannot be asked for one file: all of it is held, within a bound."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from models.container_types import container_type
from models.filetypes import HEAD_BYTES, classify
from models.support.dependencies import require_extra
from scanner.media.file import MediaError
from scanner.media.inside.budget import MAX_NESTED, Budget, OverBudget
from scanner.media.inside.entry import Entry, own_words
from scanner.results import ErrorCode
from scanner.sources.skips import skip_type


def seven_zip_entries(stream: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """In their order. Raises :class:`MediaError`, ``MissingExtra`` and what py7zr raises."""
    library, streams = require_extra("7z", ["py7zr", "py7zr.io"], needed_by="a 7z archive")
    kept = _Kept(budget, streams.Py7zIO)
    failed: Exception | None = None
    try:
        with library.SevenZipFile(stream, mode="r") as archive:
            if archive.needs_password():
                raise MediaError(ErrorCode.ENCRYPTED, "it needs a password")
            archive.extractall(factory=kept)  # without a path, which it would make
    except library.exceptions.PasswordRequired:
        raise MediaError(ErrorCode.ENCRYPTED, "it needs a password") from None
    except Exception as error:  # noqa: BLE001 - what was unpacked before is looked at first
        failed = kept.over or error
    for name, data in kept.files:
        if data is not None:
            yield Entry(own_words(name), partial(io.BytesIO, bytes(data)), len(data), is_charged=True)
    if failed is not None:
        raise failed


class _Kept:
    """py7zr's factory: makes what each file is written to."""

    def __init__(self, budget: Budget, base: Any) -> None:
        self._budget = budget
        self._held = 0
        self.files: list[tuple[str, bytearray | None]] = []
        """``None`` for what gets no row."""
        self.over: OverBudget | None = None
        self._class = _class(base)

    def create(self, filename: str) -> Any:
        self.files.append((filename, bytearray()))
        return self._class(self, len(self.files) - 1)

    def write(self, number: int, data: bytes | bytearray) -> int:
        """Raises :class:`OverBudget`."""
        name, kept = self.files[number]
        try:
            self._budget.unpack(len(data))
            self._budget.check_time()
            if kept is None:
                return len(data)
            kept += data
            self._held += len(data)
            if len(kept) >= HEAD_BYTES and not _is_wanted(name, bytes(kept[:HEAD_BYTES])):
                self._held -= len(kept)
                self.files[number] = (name, None)
            if self._held > MAX_NESTED:
                detail = f"more than {MAX_NESTED:,} bytes in a 7z; what came before was looked at"
                raise OverBudget(ErrorCode.TOO_MANY_BYTES, detail)
        except OverBudget as error:
            self.files[number] = (name, None)  # it was not written to its end
            self.over = error
            raise
        return len(data)


def _is_wanted(name: str, head: bytes) -> bool:
    return container_type(name, head) is not None or skip_type(name, classify(name, head)) is None


def _class(base: Any) -> Any:
    """Of the objects that py7zr writes to; its base is known once it is loaded."""

    class Writer(base):  # type: ignore[misc]
        def __init__(self, kept: _Kept, number: int) -> None:
            self._kept, self._number, self._size = kept, number, 0

        def write(self, s: bytes | bytearray) -> int:
            self._size += len(s)
            return self._kept.write(self._number, s)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return offset

        def flush(self) -> None:
            return

        def size(self) -> int:
            return self._size

    return Writer

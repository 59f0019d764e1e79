"""Zip, and the documents that are one. Source: PKWARE APPNOTE 6.3.10."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, cast

from models.filetypes import suffix_of
from scanner.media.file import MediaError
from scanner.media.inside.budget import Budget
from scanner.media.inside.entry import Entry, name_of, own_words
from scanner.results import ErrorCode
from scanner.results.parts import Gap

_ENCRYPTED, _UTF8 = 0x1, 0x800
_HEADER = 30
"""Bytes of a local header without name and extra field."""
_MEDIA_FOLDERS = ("media", "Pictures")
"""Where OOXML and OpenDocument keep pictures; an EPUB says it elsewhere, and keeps them anywhere."""


def zip_entries(stream: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """In the order of the directory. Raises what :mod:`zipfile` raises, and :class:`MediaError`."""
    with zipfile.ZipFile(stream) as archive:
        infos = archive.infolist()
        _check_apart(infos)
        for info in infos:
            if not (info.is_dir() or stat.S_ISLNK(info.external_attr >> 16)):
                gap = None
                if info.flag_bits & _ENCRYPTED:
                    gap = Gap(ErrorCode.ENCRYPTED, "it needs a password")
                yield Entry(
                    _name(info),
                    cast(Callable[[], BinaryIO], partial(archive.open, info)),
                    info.file_size,
                    gap,
                )


def office_entries(name: str, stream: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """Of a document of this name, what lies where pictures do."""
    is_book = suffix_of(name) == "epub"
    for entry in zip_entries(stream, budget):
        if is_book or any(folder in _MEDIA_FOLDERS for folder in entry.name.split("/")[:-1]):
            yield entry


def _name(info: zipfile.ZipInfo) -> str:
    """Its bytes, whatever code page the library took them for."""
    name = info.filename
    if not info.flag_bits & _UTF8:
        try:
            return name_of(name.encode("cp437"))
        except UnicodeEncodeError:
            pass
    return own_words(name)


def _check_apart(infos: list[zipfile.ZipInfo]) -> None:
    """Raises :class:`MediaError` where entries share bytes, by which a small file unpacks to a huge one."""
    end = 0
    for start, size in sorted((info.header_offset, info.compress_size) for info in infos):
        if start < end:
            raise MediaError(ErrorCode.CORRUPT_IMAGE, "entries of the zip overlap")
        end = start + _HEADER + size

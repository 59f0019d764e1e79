"""TIFF, BigTIFF, and EXIF, which is one: directories of entries.

Sources: TIFF 6.0, BigTIFF, EXIF 3.0, XMP part 3 (2020), C2PA 2.1 (embedding).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from scanner.media.provenance import said
from scanner.media.provenance.bounds import Budget

_SOFTWARE, _XMP, _C2PA = 305, 700, 52545
_TEXT_TYPES = {1, 2, 7, 129}  # BYTE, ASCII, UNDEFINED, UTF-8
_BYTES_OF_TYPE = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MAX_PAGES = 100
_FORMATS = (
    ((b"*\0", b"\0*"), ("4xI", "H", "HHII", "I")),
    ((b"+\0", b"\0+"), ("8xQ", "Q", "HHQQ", "Q")),
)


class _Layout(NamedTuple):
    """How the numbers of one byte order and width are written."""

    first: struct.Struct
    """The place of the first directory, with the header before it."""
    number: struct.Struct
    """Of a directory's entries."""
    entry: struct.Struct
    offset: struct.Struct
    """Also the end of an entry: the value itself where it fits, else its place."""


def _layouts() -> dict[bytes, _Layout]:
    """By the first four bytes. Some writers have their number the wrong way round, and Pillow opens that."""
    found: dict[bytes, _Layout] = {}
    for letters, order in ((b"II", "<"), (b"MM", ">")):
        for numbers, formats in _FORMATS:
            layout = _Layout(*(struct.Struct(order + one) for one in formats))
            found |= {letters + number: layout for number in numbers}
    return found


_LAYOUTS = _layouts()


class _Entry(NamedTuple):
    tag: int
    value: memoryview
    text: bool


def file_facts(data: memoryview, budget: Budget) -> Iterator[str]:
    """Of every page."""
    for entry in _entries(data, budget, pages=_MAX_PAGES):
        if entry.tag == _C2PA:
            yield said.C2PA
        else:
            yield from _fact(entry, budget)


def exif_facts(data: memoryview, budget: Budget) -> Iterator[str]:
    """Of the picture's own directory, not of its thumbnail's."""
    for entry in _entries(data, budget, pages=1):
        yield from _fact(entry, budget)


def _fact(entry: _Entry, budget: Budget) -> Iterator[str]:
    if entry.tag == _SOFTWARE and entry.text:
        yield from said.software(entry.value)
    elif entry.tag == _XMP:
        yield from said.digital_source(entry.value, budget)


def _entries(data: memoryview, budget: Budget, *, pages: int) -> Iterator[_Entry]:
    """The entries that facts are read from, directory by directory."""
    layout = _LAYOUTS.get(bytes(data[:4]))
    if layout is None:
        return
    (directory,), seen = layout.first.unpack_from(data), set[int]()
    while directory and directory not in seen and len(seen) < pages:
        seen.add(directory)
        if directory + layout.number.size > len(data):
            return
        (count,) = layout.number.unpack_from(data, directory)
        start = directory + layout.number.size
        there = min(count, (len(data) - start) // layout.entry.size)
        for place in range(start, start + there * layout.entry.size, layout.entry.size):
            if not budget.step():
                return
            tag, kind, length, offset = layout.entry.unpack_from(data, place)
            if tag in (_SOFTWARE, _XMP, _C2PA):
                size = length * _BYTES_OF_TYPE.get(kind, 1)
                if size <= layout.offset.size:
                    offset = place + layout.entry.size - layout.offset.size
                if offset + size <= len(data):
                    yield _Entry(tag, data[offset : offset + size], kind in _TEXT_TYPES)
        behind = start + count * layout.entry.size
        if behind + layout.offset.size > len(data):
            return
        (directory,) = layout.offset.unpack_from(data, behind)

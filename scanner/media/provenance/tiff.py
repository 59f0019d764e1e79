"""TIFF, BigTIFF, and EXIF, which is one: directories of entries.

Sources: TIFF 6.0, BigTIFF, EXIF 3.0, XMP part 3 (2020), C2PA 2.1 (embedding).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scanner.media.provenance import said
from scanner.media.provenance.bounds import Budget

_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _XMP, _C2PA = 270, 271, 272, 305, 700, 52545
_EXIF = 34665
"""Where EXIF's own directory lies."""
_EXPOSURE = {33434, 33437, 34855}
"""Its exposure time, f-number and sensitivity."""
_COMMENT = 37510
_TOLD = {_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _XMP, _C2PA, _EXIF, *_EXPOSURE, _COMMENT}
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

    def whole(self, value: memoryview) -> int:
        """A value as one number without a sign."""
        return int.from_bytes(value, "big" if self.offset.format.startswith(">") else "little")


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
    yield from _facts(_entries(data, budget, pages=_MAX_PAGES), budget, is_file=True)


def exif_facts(data: memoryview, budget: Budget) -> Iterator[str]:
    """Of the picture's own directory, not of its thumbnail's."""
    yield from _facts(_entries(data, budget, pages=1), budget, is_file=False)


def _facts(entries: Iterable[_Entry], budget: Budget, *, is_file: bool) -> Iterator[str]:
    device: dict[int, memoryview] = {}
    is_exposed = False
    for tag, value, is_text in entries:
        if tag == _C2PA and is_file:
            yield said.C2PA
        elif tag == _SOFTWARE and is_text:
            yield from said.software(value)
        elif tag == _XMP:
            yield from said.xmp(value, budget)
        elif tag == _COMMENT and is_text:
            yield from said.generator_text(budget.take(value[: said.LONG_TEXT_BYTES]))
        elif tag in (_DESCRIPTION, _MAKE, _MODEL) and is_text:
            yield from said.comfy_text(value)
            device[tag] = value
        is_exposed = is_exposed or tag in _EXPOSURE
    if is_exposed and _MAKE in device and _MODEL in device:
        yield from said.camera(device[_MAKE], device[_MODEL])


def _entries(data: memoryview, budget: Budget, *, pages: int) -> Iterator[_Entry]:
    """The entries that facts are read from, directory by directory, EXIF's own behind the one that names it."""
    layout = _LAYOUTS.get(bytes(data[:4]))
    if layout is None:
        return
    (directory,), seen = layout.first.unpack_from(data), set[int]()
    while directory and directory not in seen and len(seen) < pages:
        seen.add(directory)
        inner: list[int] = []
        for entry in _directory(data, layout, directory, budget):
            if entry.tag == _EXIF:
                inner.append(layout.whole(entry.value))
            else:
                yield entry
        for place in inner[:1]:
            if place not in seen:
                yield from (one for one in _directory(data, layout, place, budget) if one.tag != _EXIF)
        if directory + layout.number.size > len(data):
            return
        (count,) = layout.number.unpack_from(data, directory)
        behind = directory + layout.number.size + count * layout.entry.size
        if behind + layout.offset.size > len(data):
            return
        (directory,) = layout.offset.unpack_from(data, behind)


def _directory(data: memoryview, layout: _Layout, directory: int, budget: Budget) -> Iterator[_Entry]:
    if directory + layout.number.size > len(data):
        return
    (count,) = layout.number.unpack_from(data, directory)
    start = directory + layout.number.size
    there = min(count, (len(data) - start) // layout.entry.size)
    for place in range(start, start + there * layout.entry.size, layout.entry.size):
        if not budget.step():
            return
        tag, kind, length, offset = layout.entry.unpack_from(data, place)
        if tag in _TOLD:
            size = length * _BYTES_OF_TYPE.get(kind, 1)
            if size <= layout.offset.size:
                offset = place + layout.entry.size - layout.offset.size
            if offset + size <= len(data):
                yield _Entry(tag, data[offset : offset + size], kind in _TEXT_TYPES)

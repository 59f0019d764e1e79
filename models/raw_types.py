"""Which files are RAW, a camera's own: by their first bytes, and among TIFFs by what their directories say.

Sources: TIFF 6.0; TIFF/EP (ISO 12234-2); Adobe DNG 1.7; the makers' signatures as in LibRaw. Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain
from typing import Literal, NamedTuple

RAW_PREFIXES = (
    b"IIRO",  # Olympus
    b"IIRS",
    b"MMOR",
    b"IIU\x00",  # Panasonic
    b"FUJIFILMCCD-RAW",
    b"FOVb\x00",  # Sigma
    b"\x00MRM",  # Minolta
    b"II\x1a\x00\x00\x00HEAPCCDR",  # Canon CRW
)
# The last two have their bytes the wrong way round; such files exist and Pillow opens them.
TIFF_PREFIXES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"MM*\x00", b"II\x00*")

_PHOTOMETRIC, _SUB_DIRECTORIES, _DNG_VERSION = 262, 330, 50706
_SENSOR = frozenset({32803, 34892})
"""Kinds of pixels, by :data:`_PHOTOMETRIC`: a mosaic of colours, and one value of each colour (*LinearRaw*)."""
_SHORT, _LONG, _LONG8 = 3, 4, 16
_VALUES = {_SHORT: "H", _LONG: "I", 13: "I", _LONG8: "Q", 18: "Q"}
"""Types of whole numbers, by their codes in ``struct``; 13 and 18 are those of directories' places."""
_BYTE_ORDERS: dict[str, Literal["little", "big"]] = {"<": "little", ">": "big"}
_MOST_DIRECTORIES = 64
_MOST_ENTRIES = 4096
_PLACES = {273: 279, 324: 325, 513: 514}
"""Tags of the places of strips, tiles and a JPEG, each with the tag of their lengths."""
_MOST_VALUES = {_PHOTOMETRIC: 1, _SUB_DIRECTORIES: 32} | dict.fromkeys((*_PLACES, *_PLACES.values()), 4096)
"""That are read of a tag."""


def is_raw_head(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is RAW, as far as so few bytes tell: of a TIFF only Canon's CR2."""
    return (
        head.startswith(RAW_PREFIXES)
        or head[4:12] == b"ftypcrx "
        or (head.startswith(TIFF_PREFIXES) and head[8:10] == b"CR")
    )


def is_raw(data: bytes) -> bool:
    """Whether a whole file is RAW.

    A TIFF is one with the tag ``DNGVersion``, or with a sensor's values in any of its directories: its first one is
    often a thumbnail, which says nothing of that.
    """
    if is_raw_head(data):
        return True
    if not data.startswith(TIFF_PREFIXES):
        return False
    return any(one.is_dng or one.photometric in _SENSOR for one in _directories(data))


def lacks_directories(data: bytes) -> bool:
    """Of a RAW that is a TIFF: whether one lies behind the end of the file, and its picture with it."""
    return data.startswith(TIFF_PREFIXES) and any(one.is_beyond for one in _directories(data))


def lacks_pixels(data: bytes) -> bool:
    """Of a RAW that is a TIFF: whether pixels of any picture lie behind the end of the file."""
    return data.startswith(TIFF_PREFIXES) and any(one.end > len(data) for one in _directories(data))


class _Directory(NamedTuple):
    is_beyond: bool
    is_dng: bool = False
    photometric: int | None = None
    inner: tuple[int, ...] = ()
    """Places of its sub-directories."""
    end: int = 0
    """Of its pixels."""
    following: int = 0
    """Place of the next one; 0 for none."""


def _directories(data: bytes) -> Iterator[_Directory]:
    """The chain of a TIFF, and after each of its directories those in it; a limited number of them."""
    order = "<" if data[:1] == b"I" else ">"
    big = b"+" in data[2:4]
    try:
        (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    except struct.error:
        return
    met: set[int] = set()
    while place and place not in met and len(met) < _MOST_DIRECTORIES:
        met.add(place)
        found = _directory(data, place, order, big)
        if found.is_beyond and len(met) > 1:
            return  # the place behind the last directory may be left unset, which LibRaw does not mind either
        yield found
        for inner in found.inner:
            if inner not in met and len(met) < _MOST_DIRECTORIES:
                met.add(inner)
                yield _directory(data, inner, order, big)
        place = found.following


def _directory(data: bytes, place: int, order: str, big: bool) -> _Directory:
    count, entry, word = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    first = place + struct.calcsize(order + count)
    if first > len(data):
        return _Directory(True)
    (number,) = struct.unpack_from(order + count, data, place)
    size = struct.calcsize(order + entry)
    behind = first + number * size
    if behind > len(data):
        return _Directory(True)
    is_dng = False
    told: dict[int, tuple[int, ...]] = {}
    entries = data[first : first + min(number, _MOST_ENTRIES) * size]
    for tag, kind, values, field in struct.iter_unpack(order + entry, entries):
        if tag == _DNG_VERSION:
            is_dng = True
        elif tag in _MOST_VALUES:
            told[tag] = _numbers(data, kind, min(values, _MOST_VALUES[tag]), field, order)
    pieces = [zip(told.get(at, ()), told.get(length, ()), strict=False) for at, length in _PLACES.items()]
    end = max((sum(piece) for piece in chain.from_iterable(pieces)), default=0)
    following = int.from_bytes(data[behind : behind + struct.calcsize(word)], _BYTE_ORDERS[order])
    photometric = next(iter(told.get(_PHOTOMETRIC, ())), None)
    return _Directory(False, is_dng, photometric, told.get(_SUB_DIRECTORIES, ()), end, following)


def _numbers(data: bytes, kind: int, count: int, field: bytes, order: str) -> tuple[int, ...]:
    """Of an entry, from its field or from the place that this names; none of a broken one."""
    if kind not in _VALUES:
        return ()
    form = f"{order}{count}{_VALUES[kind]}"
    length = struct.calcsize(form)
    if length <= len(field):
        return struct.unpack_from(form, field)
    (place,) = struct.unpack(order + ("Q" if len(field) == 8 else "I"), field)
    return struct.unpack_from(form, data, place) if place + length <= len(data) else ()

"""AVIF, and HEIC as far as it goes: boxes and the items of ``meta``.

Sources: ISO/IEC 14496-12 (boxes; iinf 8.11.6, iloc 8.11.3), ISO/IEC 23008-12 (Exif and XMP as items, annex A),
C2PA 2.1 (embedding), XMP part 3 (2020).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from scanner.media.provenance import said, tiff
from scanner.media.provenance.bounds import Budget, as_far_as_sound

_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_XMP_TYPE = b"application/rdf+xml"
_PACKED = (b"deflate", b"compress_zlib", b"gzip")
_IN_FILE, _IN_IDAT = 0, 1


class _Item(NamedTuple):
    """What ``iinf`` says of an item that holds metadata."""

    exif: bool
    encoding: bytes


class _Cursor:
    """Numbers one after the other; raises :class:`IndexError` behind the end."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.place = data, 0

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> memoryview:
        if self.place + size > len(self.data):
            raise IndexError("cut off")
        self.place += size
        return self.data[self.place - size : self.place]


def facts(data: memoryview, budget: Budget) -> Iterator[str]:
    for kind, part in _boxes(data, budget):
        if kind == b"uuid":
            user = bytes(part[:16])
            if user == _C2PA_UUID:
                yield said.C2PA
            elif user == _XMP_UUID:
                yield from said.xmp(part[16:], budget)
        elif kind == b"meta":
            yield from as_far_as_sound(_items(data, part[4:], budget))


def _boxes(data: memoryview, budget: Budget) -> Iterator[tuple[bytes, memoryview]]:
    place = 0
    while place + 8 <= len(data) and budget.step():
        length, kind = struct.unpack_from(">I4s", data, place)
        start = place + 8
        if length == 1:
            if place + 16 > len(data):
                return
            (length,), start = struct.unpack_from(">Q", data, start), start + 8
        elif length == 0:  # to the end
            length = len(data) - place
        if length < start - place or place + length > len(data):
            return
        yield kind, data[start : place + length]
        place += length


def _items(data: memoryview, meta: memoryview, budget: Budget) -> Iterator[str]:
    boxes = {kind: part for kind, part in _boxes(meta, budget) if kind in (b"iinf", b"iloc", b"idat")}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    items = dict(_metadata_items(boxes[b"iinf"], budget))
    for number, content in _contents(boxes[b"iloc"], data, boxes.get(b"idat", meta[:0]), items, budget):
        item = items[number]
        if item.encoding in _PACKED:
            content = budget.inflate(content)
        elif item.encoding:
            continue
        if item.exif:
            begin = 4 + int.from_bytes(content[:4], "big")
            yield from as_far_as_sound(tiff.exif_facts(content[begin:], budget))
        else:
            yield from said.xmp(content, budget)


def _metadata_items(iinf: memoryview, budget: Budget) -> Iterator[tuple[int, _Item]]:
    """The numbers of the items that hold Exif or XMP and are not encrypted."""
    for kind, part in _boxes(iinf[6 if iinf[0] == 0 else 8 :], budget):
        if kind != b"infe":
            continue
        cursor = _Cursor(part)
        version = cursor.number(4) >> 24
        number, protected = cursor.number(4 if version == 3 else 2), cursor.number(2)
        type_ = bytes(cursor.take(4)) if version >= 2 else b"mime"
        if protected:
            continue
        if type_ == b"Exif":
            yield number, _Item(True, b"")
        elif type_ == b"mime":
            _, content_type, encoding, *_ = *bytes(part[cursor.place :][:1000]).split(b"\0"), b"", b"", b""
            if content_type.lower().startswith(_XMP_TYPE):
                yield number, _Item(False, encoding.lower())


def _contents(
    iloc: memoryview, data: memoryview, idat: memoryview, items: dict[int, _Item], budget: Budget
) -> Iterator[tuple[int, memoryview]]:
    """The bytes of these items, wherever ``iloc`` says that their pieces are."""
    cursor = _Cursor(iloc)
    version, sizes = cursor.number(4) >> 24, cursor.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide, methods = version == 2, version in (1, 2)
    for _ in range(cursor.number(4 if wide else 2)):
        number = cursor.number(4 if wide else 2)
        method = cursor.number(2) & 15 if methods else _IN_FILE
        elsewhere, base = cursor.number(2), cursor.number(base_size)
        pieces = []
        for _ in range(cursor.number(2)):
            if not budget.step():
                return
            cursor.take(index_size if methods else 0)
            pieces.append((base + cursor.number(offset_size), cursor.number(length_size)))
        if number in items and not elsewhere and method in (_IN_FILE, _IN_IDAT):
            source = data if method == _IN_FILE else idat
            if all(start + length <= len(source) for start, length in pieces):
                yield number, _joined(source, pieces, budget)


def _joined(source: memoryview, pieces: list[tuple[int, int]], budget: Budget) -> memoryview:
    parts = [source[start : start + length if length else None] for start, length in pieces]
    if len(parts) == 1:
        return parts[0]
    whole = bytearray()
    for part in parts:
        whole += part[: max(0, budget.bytes - len(whole))]
    return memoryview(whole)

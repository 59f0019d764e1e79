"""JPEG, MPO: segments before the picture. Sources: ITU-T T.81, EXIF 2.32, XMP part 3 (2020), C2PA 2.1 (embedding)."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.media.provenance import said, tiff
from scanner.media.provenance.bounds import Budget, as_far_as_sound

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_GUID = 32
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_APP1, _APP11, _COMMENT = 0xE1, 0xEB, 0xFE
_TELLING = {_APP1, _APP11, _COMMENT}


def facts(data: memoryview, budget: Budget) -> Iterator[str]:
    pieces: dict[bytes, list[tuple[int, memoryview]]] = {}
    for marker, part in _segments(data, budget):
        if marker == _APP1:
            head = bytes(part[: len(_EXTENDED_XMP)])
            if head.startswith(b"Exif\0"):
                yield from as_far_as_sound(tiff.exif_facts(part[6:], budget))
            elif head.startswith(_XMP):
                yield from said.xmp(part[len(_XMP) :], budget)
            elif head == _EXTENDED_XMP:
                # Behind the name: the packet's GUID, its length, this piece's place in it.
                rest = part[len(_EXTENDED_XMP) :]
                place = int.from_bytes(rest[_GUID + 4 : _GUID + 8], "big")
                pieces.setdefault(bytes(rest[:_GUID]), []).append((place, rest[_GUID + 8 :]))
        elif marker == _APP11 and b"c2pa" in bytes(part[:200]):
            yield said.C2PA
        elif marker == _COMMENT:
            yield from said.comment(part)
    for packet in pieces.values():
        yield from said.xmp(_whole(packet, budget), budget)


def _whole(packet: list[tuple[int, memoryview]], budget: Budget) -> memoryview:
    """The packet as far as its pieces follow one another, and as the budget goes."""
    whole = bytearray()
    for place, piece in sorted(packet, key=lambda piece: piece[0]):
        if place != len(whole) or place > budget.bytes:
            break
        whole += piece
    return memoryview(whole)


def _segments(data: memoryview, budget: Budget) -> Iterator[tuple[int, memoryview]]:
    """Marker and content of each segment that may hold a fact, up to the picture itself."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and budget.step():
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in _WITHOUT_LENGTH:
            place += 2
        else:
            length = data[place + 2] << 8 | data[place + 3]
            if marker in (_END_OF_IMAGE, _START_OF_SCAN) or length < 2:
                return
            if place + 2 + length > len(data):
                return
            if marker in _TELLING:
                yield marker, data[place + 4 : place + 2 + length]
            place += 2 + length

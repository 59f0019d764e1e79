"""GIF: extension blocks. Sources: GIF89a, XMP part 3 (2020), C2PA 2.1 (embedding)."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.media.provenance import said
from scanner.media.provenance.bounds import Budget

_EXTENSION, _IMAGE = 0x21, 0x2C
_APPLICATION, _COMMENT = 0xFF, 0xFE
_NAME = 1 + 11  # of an application, behind its length


def facts(data: memoryview, budget: Budget) -> Iterator[str]:
    """Raises :class:`IndexError` where the file is cut off."""
    place = 13 + _colours(data[10])
    while budget.step():
        if data[place] == _IMAGE:
            place = _end_of_blocks(data, place + 11 + _colours(data[place + 9]), budget)
        elif data[place] == _EXTENSION:
            label, start = data[place + 1], place + 2
            if label == _APPLICATION and bytes(data[start : start + 9]) == b"\x0bC2PA_GIF":
                yield said.C2PA
            place = _end_of_blocks(data, start, budget)
            if label == _COMMENT:
                yield from said.comment(_joined(data, start))
            elif label == _APPLICATION and bytes(data[start : start + _NAME]) == b"\x0bXMP DataXMP":
                # The packet stands there as it is; its trailer leads a reader of blocks to the end.
                yield from said.xmp(data[start + _NAME : place], budget)
        else:  # the end of the pictures, or damage
            return


def _colours(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end_of_blocks(data: memoryview, place: int, budget: Budget) -> int:
    blocks = 0
    while (length := data[place]) and blocks < budget.steps:
        place += 1 + length
        blocks += 1
    budget.steps -= blocks
    return place + 1


def _joined(data: memoryview, place: int) -> bytes:
    """The first blocks of a text, without their lengths."""
    text = b""
    while (length := data[place]) and len(text) < said.LONG_TEXT_BYTES:
        text += bytes(data[place + 1 : place + 1 + length])
        place += 1 + length
    return text

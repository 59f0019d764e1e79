"""PNG: chunks. Sources: PNG third edition, XMP part 3 (2020), C2PA 2.1 (embedding), ImageMagick's raw profiles."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.media.provenance import said, tiff
from scanner.media.provenance.bounds import Budget, as_far_as_sound

# Keywords under which programs that generate pictures store what they were asked for.
_GENERATOR_TEXTS = frozenset(
    {
        "parameters",  # AUTOMATIC1111 and its kin
        "prompt",  # ComfyUI
        "workflow",
        "Dream",  # InvokeAI
        "sd-metadata",
        "invokeai_metadata",
        "generation_data",
        "fooocus_scheme",
    }
)
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = "XML:com.adobe.xmp"
_RAW_PROFILE = "Raw profile type "
_MAX_KEYWORD = 79


def facts(data: memoryview, budget: Budget) -> Iterator[str]:
    place = 8
    while place + 12 <= len(data) and budget.step():
        length, kind = struct.unpack_from(">I4s", data, place)
        part = data[place + 8 : place + 8 + length]
        if len(part) < length:
            return
        if kind == b"caBX":
            yield said.C2PA
        elif kind == b"eXIf":
            yield from as_far_as_sound(tiff.exif_facts(part, budget))
        elif kind in _TEXT_CHUNKS:
            yield from as_far_as_sound(_text(kind, part, budget))
        place += 12 + length


def _text(kind: bytes, part: memoryview, budget: Budget) -> Iterator[str]:
    keyword, end, _ = bytes(part[: _MAX_KEYWORD + 1]).partition(b"\0")
    if not end:
        return
    name, rest = keyword.decode("latin-1"), part[len(keyword) + 1 :]
    if name in _GENERATOR_TEXTS:
        yield f"png_text={name}"
    elif name.lower() == "software":
        yield from said.software(_content(kind, rest, budget, most=said.TEXT_BYTES))
    elif name.lower() == "comment":
        yield from said.comment(_content(kind, rest, budget, most=said.LONG_TEXT_BYTES))
    elif name == _XMP:
        yield from said.xmp(_content(kind, rest, budget), budget)
    elif name.startswith(_RAW_PROFILE):
        yield from _raw_profile(_content(kind, rest, budget), budget)


def _content(kind: bytes, rest: memoryview, budget: Budget, most: int = Budget.MAX_BYTES) -> memoryview:
    """The text itself, unpacked, of at most so many bytes."""
    if kind == b"tEXt":
        return rest[:most]
    if kind == b"zTXt":
        return budget.inflate(rest[1:], most=most)
    packed, text = rest[0], rest[2:]
    for _ in ("language", "translated keyword"):
        text = text[bytes(text[:4096]).index(b"\0") + 1 :]
    return budget.inflate(text, most=most) if packed else text[:most]


def _raw_profile(text: memoryview, budget: Budget) -> Iterator[str]:
    """EXIF or XMP as ImageMagick writes them: a line with the name, one with the length, hexadecimal digits."""
    words = bytes(budget.take(text)).split()
    if len(words) < 3:
        return
    content = bytes.fromhex(b"".join(words[2:]).decode("ascii"))
    if content.startswith(b"Exif\0"):
        yield from tiff.exif_facts(memoryview(content)[6:], budget)
    elif words[0].lower() in (b"exif", b"app1") and content[:2] in (b"II", b"MM"):
        yield from tiff.exif_facts(memoryview(content), budget)
    else:
        yield from said.xmp(memoryview(content), budget)

"""What a file says of its own origin: facts beside the score, never part of it, and as easily removed as written.

Read from the containers alone, without decoding: a C2PA manifest, the Software tag of EXIF, the texts that image
generators leave in PNG, the IPTC digital source type of XMP. Sources: C2PA 2.1 (embedding), PNG third edition,
EXIF 2.32, WebP container, https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

MAX_LENGTH = 300
_MAX_PARTS = 10_000
_MAX_VALUE = 80

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
_DIGITAL_SOURCE = re.compile(rb"digitalsourcetype/(\w{1,60})")
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_SOFTWARE_TAG = 0x0131


def provenance(data: bytes) -> str | None:
    """For instance ``c2pa; software=Adobe Photoshop 25.0; source=trainedAlgorithmicMedia``; ``None`` without any."""
    try:
        facts = list(dict.fromkeys(_facts(data)))
    except (struct.error, IndexError):
        facts = []  # damaged; the picture's own row says so
    return "; ".join(facts)[:MAX_LENGTH] or None


def _facts(data: bytes) -> Iterator[str]:
    if data.startswith(b"\xff\xd8"):
        yield from _jpeg(data)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        yield from _webp(data)
    elif data[:4] in (b"II*\x00", b"MM\x00*"):
        yield from _exif(data)
    elif data[4:8] == b"ftyp":
        yield from _boxes(data)


def _jpeg(data: bytes) -> Iterator[str]:
    place = 2
    for _ in range(_MAX_PARTS):
        if data[place] != 0xFF or place + 4 > len(data):
            return
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xDA or length < 2:  # the picture begins
            return
        part = data[place + 4 : place + 2 + length]
        if marker == 0xE1 and part.startswith(b"Exif\x00\x00"):
            yield from _exif(part[6:])
        elif marker == 0xE1:
            yield from _xmp(part)
        elif marker == 0xEB and b"c2pa" in part[:200]:
            yield "c2pa"
        place += 2 + length


def _png(data: bytes) -> Iterator[str]:
    for kind, part in _chunks(data, 8, ">I4s", behind=4):
        if kind == b"caBX":
            yield "c2pa"
        elif kind == b"eXIf":
            yield from _exif(part)
        elif kind in _TEXT_CHUNKS:
            yield from _png_text(kind, part)


def _png_text(kind: bytes, part: bytes) -> Iterator[str]:
    keyword, _, rest = part.partition(b"\0")
    name = keyword.decode("latin-1")
    if name in _GENERATOR_TEXTS:
        yield f"png_text={name}"
    elif name == "Software" and kind == b"tEXt":
        yield from _named("software", rest)
    elif name == "XML:com.adobe.xmp":
        yield from _xmp(rest)


def _webp(data: bytes) -> Iterator[str]:
    for kind, part in _chunks(data, 12, "<4sI", align=2):
        if kind == b"C2PA":
            yield "c2pa"
        elif kind == b"EXIF":
            yield from _exif(part.removeprefix(b"Exif\x00\x00"))
        elif kind == b"XMP ":
            yield from _xmp(part)


def _chunks(
    data: bytes, place: int, head: str, *, behind: int = 0, align: int = 1
) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk; ``head`` holds its kind and its length, ``behind`` it stands a checksum."""
    for _ in range(_MAX_PARTS):
        if place + 8 + behind > len(data):
            return
        first, second = struct.unpack_from(head, data, place)
        kind, length = (first, second) if isinstance(first, bytes) else (second, first)
        yield kind, data[place + 8 : place + 8 + length]
        place += 8 + length + -length % align + behind


def _boxes(data: bytes) -> Iterator[str]:
    """The outermost boxes of an ISO base media file."""
    place = 0
    for _ in range(_MAX_PARTS):
        if place + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"uuid" and data[place + 8 : place + 24] == _C2PA_UUID:
            yield "c2pa"
        if length < 8:  # to the end of the file, or longer than 4 GiB
            return
        place += length


def _exif(data: bytes) -> Iterator[str]:
    """The Software tag of the first directory of a TIFF structure."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    for number in range(count):
        entry = directory + 2 + 12 * number
        tag, kind, length, offset = struct.unpack_from(order + "HHII", data, entry)
        if tag == _SOFTWARE_TAG and kind == 2:
            start = entry + 8 if length <= 4 else offset
            yield from _named("software", data[start : start + min(length, 4 * _MAX_VALUE)])
            return


def _xmp(part: bytes) -> Iterator[str]:
    for found in _DIGITAL_SOURCE.finditer(part):
        yield f"source={found[1].decode('ascii', 'replace')}"


def _named(name: str, raw: bytes) -> Iterator[str]:
    """A text that somebody wrote into the file: printable, short, and without what separates facts."""
    text = raw.partition(b"\0")[0].decode("utf-8", "replace")
    text = "".join(c if c.isprintable() and c != ";" else " " for c in text).strip()
    if text:
        yield f"{name}={text[:_MAX_VALUE]}"

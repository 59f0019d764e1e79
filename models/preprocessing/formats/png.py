"""PNG: chunks beside the pixels never cost the picture. Source: PNG, third edition (W3C), chapters 5, 11 and 13."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image, ImageChops, ImageFile

from models.preprocessing.errors import Refusal, unsupported_format
from models.preprocessing.formats import Bare
from models.preprocessing.openers import opened

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">II")
_GREY, _COLOUR = 0, 2

_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_METADATA = _TEXTS | {
    *(b"iCCP", b"eXIf", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"sBIT", b"bKGD", b"hIST", b"sPLT"),
    *(b"cICP", b"mDCV", b"cLLI", b"oFFs", b"sCAL", b"pCAL", b"sTER", b"caBX"),
}
"""Registered chunks that no pixel depends on here."""
_ORIENTING = frozenset({b"XML:com.adobe.xmp", b"Raw profile type exif"})
"""Keywords of the texts in which Pillow finds an orientation."""
_MAX_TEXT = 16 << 20
"""Of such a text, inflated: far above any real one, and little to hold."""


def checked(image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """Pillow compares a transparent colour to samples that it has scaled; and takes the first frame of an animation to
    be as large as it says, whatever the pixels are."""
    if "transparency" in image.info:
        depth, kind = data[24], data[25]
        key = _transparent_colour(data)
        if kind == _GREY and depth <= 8:
            top = (1 << depth) - 1
            image.info["transparency"] = (key[0] & top) * (255 // top)
        elif kind == _COLOUR and depth == 16:
            _whiten(image, data, key)
    if image.info.get("bbox", (0, 0, *image.size)) != (0, 0, *image.size):
        raise ValueError("the first frame of the animation is not as large as the picture")
    if "transparency" not in image.info:
        image.load()
        image.info.pop("transparency", None)  # behind the pixels it has no meaning (5.6), and Pillow takes it
    return image


def _transparent_colour(data: bytes) -> tuple[int, ...]:
    """The samples in chunk tRNS, which is there."""
    place = len(_SIGNATURE)
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"tRNS":
            return struct.unpack_from(f">{length // 2}H", data, place + 8)
        place += 12 + length


def _whiten(image: ImageFile.ImageFile, data: bytes, key: tuple[int, ...]) -> None:
    """Pixels of 3 × 16 bits that have the transparent colour; Pillow gives one half of the bits at a time."""
    low = opened("PNG", data)
    low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
    image.load()
    low.load()
    mask = Image.new("L", image.size, 255)
    for half, shift in ((image, 8), (low, 0)):
        for band, sample in zip(half.split(), key, strict=True):
            wanted = sample >> shift & 255
            mask = ImageChops.darker(mask, band.point([255 * (value == wanted) for value in range(256)]))
    del image.info["transparency"]
    image.paste((255, 255, 255), mask=mask)


def size(data: bytes) -> tuple[int, int] | None:
    """By the chunk IHDR."""
    return _HEADER.unpack_from(data, 16) if data[12:16] == b"IHDR" and len(data) >= 24 else None


def refusal(data: bytes, error: Exception) -> Refusal | None:
    """Xcode's variant of PNG, which begins with a chunk of its own and has no zlib header."""
    if data[12:16] == b"CgBI":
        return unsupported_format("a PNG in Apple's own variant (CgBI)")
    return None


def without_metadata(data: bytes) -> Iterator[Bare]:
    """First without texts, profiles and the like, then also without the animation.

    None of a file with a chunk that is cut off, or with a wrong checksum of one that pixels may depend on.
    """
    chunks = list(_chunks(data))
    kept = [(kind, body) for kind, body in map(_lean, chunks) if kind is not None]
    yield Bare(_file(kept), True)
    still = [(kind, body) for kind, body in kept if kind not in _ANIMATION]
    if len(still) < len(kept):
        yield Bare(_file(still), False)
    pixels = [(kind, body) for kind, body in still if kind in _PIXELS]
    if len(pixels) < len(still):
        yield Bare(_file(pixels), False)


_Chunk = tuple[bytes, memoryview | bytes]


def _chunks(data: bytes) -> Iterator[_Chunk]:
    view, place = memoryview(data), len(_SIGNATURE)
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        body = view[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, place + 8 + length)
        if kind not in _METADATA and zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise ValueError("a wrong checksum")
        yield kind, body
        if kind == b"IEND":
            return
        place += 12 + length


def _lean(chunk: _Chunk) -> tuple[bytes | None, memoryview | bytes]:
    """A chunk as it is kept: what makes pixels or turns them, with texts inflated, since Pillow inflates 1 MiB."""
    kind, body = chunk
    if kind in _PIXELS or kind in _ANIMATION or kind == b"eXIf":
        return kind, body
    if kind in _TEXTS:
        keyword, _, rest = bytes(body).partition(b"\0")
        if keyword in _ORIENTING and (text := _text(kind, rest)) is not None:
            return (b"iTXt" if kind == b"iTXt" else b"tEXt"), keyword + b"\0" + text
    return None, b""


def _text(kind: bytes, rest: bytes) -> bytes | None:
    """What follows the keyword, not compressed; ``None`` if it is damaged or too much."""
    if kind == b"tEXt":
        return rest if len(rest) <= _MAX_TEXT else None
    if kind == b"zTXt":
        return _inflated(rest[1:])
    compressed, rest = rest[:1] == b"\1", rest[2:]
    language, _, rest = rest.partition(b"\0")
    translated, _, rest = rest.partition(b"\0")
    text = _inflated(rest) if compressed else rest[: _MAX_TEXT + 1]
    if text is None or len(text) > _MAX_TEXT:
        return None
    return b"\0\0" + language + b"\0" + translated + b"\0" + text


def _inflated(body: bytes) -> bytes | None:
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(body, _MAX_TEXT)
    except zlib.error:
        return None
    return text if not stream.unconsumed_tail else None


def _file(chunks: list[tuple[bytes, memoryview | bytes]]) -> bytes:
    parts: list[memoryview | bytes] = [_SIGNATURE]
    for kind, body in chunks:
        checksum = zlib.crc32(body, zlib.crc32(kind))
        parts += [struct.pack(">I", len(body)), kind, body, struct.pack(">I", checksum)]
    return b"".join(parts)

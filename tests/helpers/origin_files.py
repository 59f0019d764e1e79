"""Files that say something of their own origin, in each container and each of its ways to say it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from PIL import Image, TiffImagePlugin
from psd_files import psd, psd_behind, resource

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description Iptc4xmpExt:DigitalSourceType='
    b'"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></x:xmpmeta>'
)
PROGRAM = "Program 1"
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def saved(format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 7), (10, 20, 30)).save(out, format, **options)
    return out.getvalue()


def exif(software: str) -> Image.Exif:
    made = Image.Exif()
    made[0x0110] = "Camera"
    made[0x0131] = software
    return made


# JPEG


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def jumbf() -> bytes:
    return b"JP\x00\x01\x00\x00\x00\x01\x00\x00\x00\x40jumb\x00\x00\x00\x20jumdc2pa" + bytes(40)


def extended_xmp(packet: bytes, size: int, guid: bytes = b"0" * 32) -> bytes:
    """A JPEG with the packet in pieces of that size, the last one first."""
    jpeg = saved("JPEG")
    for place in range(0, len(packet), size):
        head = b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">II", len(packet), place)
        jpeg = with_segment(jpeg, 0xE1, head + packet[place : place + size])
    return jpeg


# PNG


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return png[:33] + chunk + png[33:]


def png_text(kind: str, keyword: str, text: bytes) -> bytes:
    """As a chunk of that kind; ``iTXt+`` is a packed one."""
    start = keyword.encode("latin-1") + b"\0"
    content = {
        "tEXt": start + text,
        "zTXt": start + b"\0" + zlib.compress(text),
        "iTXt": start + b"\0\0en\0" + keyword.encode() + b"\0" + text,
        "iTXt+": start + b"\1\0\0\0" + zlib.compress(text),
    }[kind]
    return with_chunk(saved("PNG"), kind[:4].encode(), content)


def raw_profile(kind: str, content: bytes) -> bytes:
    """As ImageMagick writes it."""
    digits = content.hex()
    lines = [digits[place : place + 72] for place in range(0, len(digits), 72)]
    text = "\n".join(["", kind, f"{len(content):8}", *lines, ""])
    return png_text("zTXt", f"Raw profile type {kind}", text.encode())


# WebP


def with_riff_chunk(webp: bytes, kind: bytes, content: bytes) -> bytes:
    return webp + kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


# GIF


def with_gif_block(gif: bytes, label: int, content: bytes) -> bytes:
    """An extension, behind the header and the colours."""
    place = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    return gif[:place] + bytes((0x21, label)) + content + gif[place:]


def gif_xmp(packet: bytes) -> bytes:
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return with_gif_block(saved("GIF"), 0xFF, b"\x0bXMP DataXMP" + packet + trailer)


def blocks(text: bytes) -> bytes:
    parts = [text[place : place + 255] for place in range(0, len(text), 255)]
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"


# TIFF


def tiff(
    order: str, pages: list[dict[int, tuple[int, bytes]]], *, big: bool = False, turned: bool = False
) -> bytes:
    """Directories alone: per page the type and the value of each tag."""
    count, entry, offset = ("Q", "HHQQ", "Q") if big else ("H", "HHII", "I")
    number = 43 if big else 42
    letters = b"II" if order == "<" else b"MM"
    wrong = {"<": ">", ">": "<"}[order]
    data = letters + struct.pack((wrong if turned else order) + "H", number)
    data += struct.pack(order + "HH", 8, 0) if big else b""
    inline = struct.calcsize(offset)
    data += struct.pack(order + offset, len(data) + inline)
    for page, tags in enumerate(pages):
        size = struct.calcsize("=" + count) + len(tags) * struct.calcsize("=" + entry) + inline
        values, entries = b"", b""
        for tag, (kind, value) in tags.items():
            entries += struct.pack(order + "HH" + offset, tag, kind, len(value))
            if len(value) <= inline:
                entries += value.ljust(inline, b"\0")
            else:
                entries += struct.pack(order + offset, len(data) + size + len(values))
                values += value
        after = len(data) + size + len(values) if page + 1 < len(pages) else 0
        data += struct.pack(order + count, len(tags)) + entries + struct.pack(order + offset, after) + values
    return data


def tiff_picture(tag: int, value: bytes, kind: int = 1) -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[tag] = kind
    tags[tag] = value
    return saved("TIFF", tiffinfo=tags)


# AVIF


def box(kind: bytes, content: bytes, *, large: bool = False) -> bytes:
    if large:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def bmff(
    content: bytes, item_type: bytes, *, iloc: int = 0, infe: int = 2, method: int = 0, pieces: int = 1,
    encoding: bytes = b"", protected: int = 0,
) -> bytes:  # fmt: skip
    """An AVIF file without a picture, its one item of metadata described in one of the ways of the standard."""
    wide = ">I" if infe == 3 else ">H"
    named = (
        b"\0"
        if item_type == b"Exif"
        else b"\0application/rdf+xml\0" + (encoding + b"\0" if encoding else b"")
    )
    entry = (
        struct.pack(">B3x", infe) + struct.pack(wide, 7) + struct.pack(">H", protected) + item_type + named
    )
    iinf = box(b"iinf", bytes(4) + struct.pack(">H", 1) + box(b"infe", entry))
    cuts = [len(content) * n // pieces for n in range(pieces + 1)]

    def meta(base: int) -> bytes:
        number = ">I" if iloc == 2 else ">H"
        body = struct.pack(">B3xBB", iloc, 0x44, 0x40) + struct.pack(number, 1) + struct.pack(number, 7)
        body += struct.pack(">H", method) if iloc else b""
        body += struct.pack(">HIH", 0, base, pieces)
        body += b"".join(struct.pack(">II", a, b - a) for a, b in pairwise(cuts))
        idat = box(b"idat", content) if method == 1 else b""
        return box(b"meta", bytes(4) + iinf + box(b"iloc", body) + idat)

    head = box(b"ftyp", b"avif\0\0\0\0avifmif1")
    if method == 1:
        return head + meta(0)
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", content)


Maker = Callable[[], bytes]
_EXIF = exif(PROGRAM)
_MADE = f"Created with {PROGRAM}".encode()

# By the rows and columns of the table in docs/report.md.
TELLING: dict[tuple[str, str], dict[str, Maker]] = {
    ("c2pa", "JPEG"): {"APP11": lambda: with_segment(saved("JPEG"), 0xEB, jumbf())},
    ("c2pa", "PNG"): {"caBX": lambda: with_chunk(saved("PNG"), b"caBX", bytes(20))},
    ("c2pa", "WebP"): {"chunk": lambda: with_riff_chunk(saved("WEBP"), b"C2PA", bytes(4))},
    ("c2pa", "TIFF"): {
        "tag": lambda: tiff_picture(52545, bytes(20), kind=7),
        "BigTIFF": lambda: tiff("<", [{52545: (7, bytes(20))}], big=True),
    },
    ("c2pa", "AVIF"): {
        "uuid": lambda: saved("AVIF") + box(b"uuid", C2PA_UUID + bytes(9)),
        "64-bit length": lambda: saved("AVIF") + box(b"uuid", C2PA_UUID + bytes(9), large=True),
    },
    ("c2pa", "GIF"): {
        "application": lambda: with_gif_block(
            saved("GIF"), 0xFF, b"\x0bC2PA_GIF\x01\0\0" + blocks(bytes(300))
        )
    },
    ("software", "JPEG"): {
        "EXIF": lambda: saved("JPEG", exif=_EXIF),
        "comment": lambda: saved("JPEG", comment=_MADE),
        "behind fill bytes": lambda: b"\xff\xd8\xff\xff" + saved("JPEG", comment=_MADE)[2:],
    },
    ("software", "PNG"): {
        "EXIF": lambda: saved("PNG", exif=_EXIF),
        **{
            f"{kind} {key}": lambda kind=kind, key=key, text=text: png_text(kind, key, text)
            for kind in ("tEXt", "zTXt", "iTXt", "iTXt+")
            for key, text in (("Software", PROGRAM.encode()), ("Comment", _MADE))
        },
        "raw profile": lambda: raw_profile("exif", _EXIF.tobytes()),
        "raw APP1 profile": lambda: raw_profile("APP1", _EXIF.tobytes()),
        "raw profile without its name": lambda: raw_profile("exif", _EXIF.tobytes()[6:]),
    },
    ("software", "WebP"): {
        "EXIF": lambda: saved("WEBP", exif=_EXIF),
        "EXIF with its name": lambda: with_riff_chunk(saved("WEBP"), b"EXIF", _EXIF.tobytes()),
    },
    ("software", "TIFF"): {
        "tag": lambda: saved("TIFF", exif=_EXIF),
        **{
            f"{order}{'big' * big}{'turned' * turned}": lambda order=order, big=big, turned=turned: tiff(
                order, [{305: (2, PROGRAM.encode() + b"\0")}], big=big, turned=turned
            )
            for order in "<>"
            for big in (False, True)
            for turned in (False, True)
        },
        "BigTIFF by Pillow": lambda: saved("TIFF", exif=_EXIF, big_tiff=True),
        "second page": lambda: tiff(">", [{256: (3, b"\0\1")}, {305: (2, PROGRAM.encode())}]),
    },
    ("software", "AVIF"): {
        "EXIF": lambda: saved("AVIF", exif=_EXIF),
        "EXIF with its name": lambda: bmff(b"\0\0\0\6" + _EXIF.tobytes(), b"Exif"),
    },
    ("software", "GIF"): {"comment": lambda: saved("GIF", comment=_MADE)},
    ("png_text", "PNG"): {
        kind: lambda kind=kind: png_text(kind, "parameters", b"a secret prompt")
        for kind in ("tEXt", "zTXt", "iTXt", "iTXt+")
    },
    ("source", "JPEG"): {
        "XMP": lambda: saved("JPEG", xmp=XMP),
        "extended XMP": lambda: extended_xmp(XMP, 1000),
        "extended XMP cut inside the name": lambda: extended_xmp(XMP, XMP.index(b"sourcetype")),
    },
    ("source", "PNG"): {
        **{
            kind: lambda kind=kind: png_text(kind, "XML:com.adobe.xmp", XMP)
            for kind in ("tEXt", "zTXt", "iTXt", "iTXt+")
        },
        "raw profile": lambda: raw_profile("xmp", XMP),
    },
    ("source", "WebP"): {"XMP": lambda: saved("WEBP", xmp=XMP)},
    ("source", "TIFF"): {
        "tag": lambda: tiff_picture(700, XMP),
        "as UNDEFINED": lambda: tiff(">", [{700: (7, XMP)}]),
        "BigTIFF": lambda: tiff(">", [{700: (1, XMP)}], big=True),
    },
    ("source", "AVIF"): {
        "XMP": lambda: saved("AVIF", xmp=XMP),
        "uuid": lambda: saved("AVIF") + box(b"uuid", XMP_UUID + XMP),
        "iloc 1": lambda: bmff(XMP, b"mime", iloc=1),
        "iloc 2, infe 3": lambda: bmff(XMP, b"mime", iloc=2, infe=3),
        "in idat": lambda: bmff(XMP, b"mime", iloc=1, method=1),
        "in three pieces": lambda: bmff(XMP, b"mime", pieces=3),
        "packed": lambda: bmff(zlib.compress(XMP), b"mime", encoding=b"deflate"),
        "packed without a head": lambda: bmff(zlib.compress(XMP)[2:-4], b"mime", encoding=b"deflate"),
    },
    ("source", "GIF"): {"XMP": lambda: gif_xmp(XMP)},
    ("software", "PSD"): {
        "EXIF": lambda: psd(resources={1005: bytes(16), 1058: _EXIF.tobytes()[6:]}),
        "behind a colour table and a name": lambda: psd_behind(
            resource(1058, _EXIF.tobytes()[6:], b"a name")
        ),
    },
    ("source", "PSD"): {
        "XMP": lambda: psd(resources={1060: XMP}),
        "PSB": lambda: psd(resources={1060: XMP}, version=2),
        "of odd length": lambda: psd(resources={1000: b"odd", 1060: XMP}),
    },
}

SAYS = {
    "c2pa": "c2pa",
    "software": f"software={PROGRAM}",
    "png_text": "png_text=parameters",
    "source": "source=trainedAlgorithmicMedia",
}

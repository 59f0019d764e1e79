"""What the texts inside a container say, in the words of the report.

Sources: https://cv.iptc.org/newscodes/digitalsourcetype/, EXIF 3.0 (Software, Make, Model, UserComment), XMP part 1
(CreatorTool), C2PA 2.1 (dcterms:provenance), and what generators write: AUTOMATIC1111/stable-diffusion-webui,
modules/images.py (EXIF UserComment, GIF comment); mcmonkeyprojects/SwarmUI; Comfy-Org/ComfyUI, comfy_api/latest/_ui.py
(EXIF Make and Model).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.media.provenance.bounds import Budget

C2PA = "c2pa"
C2PA_ELSEWHERE = "c2pa=remote"
"""The manifest lies at an address, which is never opened."""
TEXT_BYTES = 400
"""How much of a text is read; more than ``_MAX_VALUE`` characters of UTF-8."""
LONG_TEXT_BYTES = 65536
"""Of a text in which a generator's words are looked for."""

_MAX_VALUE = 80
# Something must follow: a name that is cut off says what nobody said.
_DIGITAL_SOURCE = re.compile(rb"digitalsourcetype/(\w{1,60})(?=\W)", re.IGNORECASE)
_MAX_SOURCES = 8
_CREATOR_TOOL = re.compile(rb"""\bxmp:CreatorTool(?:\s*=\s*["']|>)([^"'<>]{1,300})["'<]""")
_MANIFEST_ADDRESS = re.compile(rb"""\bdcterms:provenance(?:\s*=\s*["']|>)\s*https?://""")
# No "created by": that is as often a person.
_MADE_WITH = re.compile(r"(?:(?:created|generated|edited) (?:with|using)|software:) +(\S.*)", re.IGNORECASE)
_SETTINGS = rb'Steps: \d+, (?:Sampler|Schedule type|CFG scale|Seed|Size): |"sui_image_params"'
_GENERATOR_TEXTS = (
    ("parameters", re.compile(_SETTINGS)),
    ("prompt", re.compile(rb'"class_type"\s*:\s*"')),
)
_COMFY_TEXT = re.compile(rb"(prompt|workflow):\s*\{")


def xmp(packet: memoryview, budget: Budget) -> Iterator[str]:
    """Each IPTC digital source type that an XMP packet names, and its program, in whatever encoding of Unicode."""
    content: memoryview | bytes = budget.take(packet)
    if b"\0" in bytes(content[:200]):  # UTF-16 or UTF-32
        content = bytes(content).replace(b"\0", b"")
    if _MANIFEST_ADDRESS.search(content):
        yield C2PA_ELSEWHERE
    if tool := _CREATOR_TOOL.search(content):
        import html

        yield from software(html.unescape(_text(tool[1])).encode())
    found = dict.fromkeys(match[1] for match in _DIGITAL_SOURCE.finditer(content))
    for name in list(found)[:_MAX_SOURCES]:
        yield f"source={name.decode('ascii')}"
    yield from _generator_texts(content)


def software(raw: bytes | memoryview) -> Iterator[str]:
    """The name of a program: printable, short, and without what separates facts."""
    yield from named("software", _text(raw))


def camera(make: memoryview, model: memoryview) -> Iterator[str]:
    """The device of a photo; most models begin with the maker's name, which then stands once."""
    maker, name = _text(make), _text(model)
    if maker and name:
        yield from named("camera", name if name.lower().startswith(maker.lower()) else f"{maker} {name}")


def comment(raw: bytes | memoryview) -> Iterator[str]:
    """The program in a comment such as ``Created with GIMP``, or a generator's settings."""
    if found := _MADE_WITH.match(_text(raw)):
        yield from named("software", found[1])
    yield from generator_text(raw)


def generator_text(raw: bytes | memoryview) -> Iterator[str]:
    """Whether a text holds what a generator was asked for; it is named and not quoted."""
    # EXIF's comments may be UTF-16 of either byte order.
    yield from _generator_texts(bytes(raw).replace(b"\0", b""))


def comfy_text(raw: memoryview) -> Iterator[str]:
    """ComfyUI writes its texts where a camera's name should stand."""
    if found := _COMFY_TEXT.match(bytes(raw[:20])):
        yield f"generator_text={found[1].decode('ascii')}"


def named(key: str, text: str) -> Iterator[str]:
    """``key=text``, cut where it is long; nothing for an empty text."""
    if text:
        yield f"{key}=" + (text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…")


def clean(text: str) -> str:
    """Printable, and without what separates facts."""
    if not text.isprintable() or ";" in text:
        text = "".join(c if c.isprintable() and c != ";" else " " for c in text)
    return text.strip()


def _generator_texts(content: bytes | memoryview) -> Iterator[str]:
    for name, pattern in _GENERATOR_TEXTS:
        if pattern.search(content):
            yield f"generator_text={name}"


def _text(raw: bytes | memoryview) -> str:
    content = bytes(raw[:TEXT_BYTES]).partition(b"\0")[0]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = len(content) == TEXT_BYTES and error.reason == "unexpected end of data"
        text = content[: error.start].decode("utf-8") if cut else content.decode("latin-1")
    return clean(text)

"""What the texts inside a container say, in the words of the report.

Sources: https://cv.iptc.org/newscodes/digitalsourcetype/, EXIF 2.32 and 3.0 (Software).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.media.provenance.bounds import Budget

C2PA = "c2pa"
TEXT_BYTES = 400
"""How much of a text is read; more than ``_MAX_VALUE`` characters of UTF-8."""

_MAX_VALUE = 80
# Something must follow: a name that is cut off says what nobody said.
_DIGITAL_SOURCE = re.compile(rb"digitalsourcetype/(\w{1,60})(?=\W)", re.IGNORECASE)
_MAX_SOURCES = 8
# No "created by": that is as often a person.
_MADE_WITH = re.compile(r"(?:(?:created|generated|edited) (?:with|using)|software:) +(\S.*)", re.IGNORECASE)


def digital_source(xmp: memoryview, budget: Budget) -> Iterator[str]:
    """Each IPTC digital source type that an XMP packet names, in whatever encoding of Unicode."""
    content: memoryview | bytes = budget.take(xmp)
    if b"\0" in bytes(content[:200]):  # UTF-16 or UTF-32
        content = bytes(content).replace(b"\0", b"")
    found = dict.fromkeys(match[1] for match in _DIGITAL_SOURCE.finditer(content))
    for name in list(found)[:_MAX_SOURCES]:
        yield f"source={name.decode('ascii')}"


def software(raw: bytes | memoryview) -> Iterator[str]:
    """The name of a program: printable, short, and without what separates facts."""
    yield from _named(_text(raw))


def comment(raw: bytes | memoryview) -> Iterator[str]:
    """The program in a comment such as ``Created with GIMP``."""
    if found := _MADE_WITH.match(_text(raw)):
        yield from _named(found[1])


def _text(raw: bytes | memoryview) -> str:
    content = bytes(raw[:TEXT_BYTES]).partition(b"\0")[0]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = len(content) == TEXT_BYTES and error.reason == "unexpected end of data"
        text = content[: error.start].decode("utf-8") if cut else content.decode("latin-1")
    if not text.isprintable() or ";" in text:
        text = "".join(c if c.isprintable() and c != ";" else " " for c in text)
    return text.strip()


def _named(text: str) -> Iterator[str]:
    if text:
        yield "software=" + (text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…")

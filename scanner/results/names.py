"""The file-name law: how a report writes a path, and how to get the path back.

Any name that a file system holds becomes valid Unicode text that no spreadsheet takes for a formula, and no
two files share a text. The text depends on the name's bytes alone, not on the locale.
"""

from __future__ import annotations

import os
import re

# A module name of its own, so that tests can try the other system's separator.
_SEPARATOR = os.sep

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

# Bytes below 0x80 are UTF-8 by themselves, so encode_path never writes them as \xHH.
_ESCAPE = re.compile(rb"\\(?:(\\)|x([89a-f][0-9a-f]))?")


def encode_path(path: str) -> str:
    r"""The report's text for a file-system path as :func:`os.fsdecode` gives it.

    Separators become ``/``, a backslash in a name ``\\``, a byte that is not UTF-8 ``\xHH`` (lower case),
    and a relative path that begins with ``= + - @``, tab, CR or LF gets ``./`` before it.

    Raises ``UnicodeEncodeError`` for a string that can name no file (a surrogate that stands for no byte).
    """
    if _SEPARATOR != "/":
        path = path.replace(_SEPARATOR, "/")
    # On Windows a lone surrogate becomes three bytes that are not UTF-8 either, and comes back the same way.
    text = os.fsencode(path).replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return f"./{text}" if text.startswith(_FORMULA_STARTS) else text


def decode_path(text: str) -> str:
    r"""The file-system path behind a report's ``path``, to be given to :func:`open`.

    It names the same file as the path that was scanned; a ``./`` that :func:`encode_path` added stays.
    Raises ``ValueError`` when a backslash begins anything but ``\\`` or ``\x80`` … ``\xff``.
    """
    return os.fsdecode(_ESCAPE.sub(_unescape, text.encode("utf-8")))


def _unescape(match: re.Match[bytes]) -> bytes:
    backslash, digits = match.groups()
    if backslash is not None:
        return b"\\"
    if digits is not None:
        return bytes.fromhex(digits.decode("ascii"))
    raise ValueError(
        f"byte {match.start()} of the path is a backslash that begins no escape of a report "
        r"(\\ or \x80 to \xff, lower case)"
    )


def printable(path: str) -> str:
    """A path that cannot move a terminal's cursor or colour it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in path)

"""The file-name law: how a report writes a path, and how to get the path back.

Any name that a file system holds becomes valid Unicode text that no spreadsheet takes for a formula, and no
two files share a text. The text depends on the name's bytes alone, not on the locale.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

# A module name of its own, so that tests can try the other system's separator.
_SEPARATOR = os.sep

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

# Bytes below 0x80 are UTF-8 by themselves, so encode_path never writes them as \xHH.
_ESCAPE = re.compile(rb"\\(?:(\\)|x(21|[89a-f][0-9a-f]))?")
INSIDE = "!/"
"""Between a container and what is in it; in a real name ``\\x21/`` stands for it."""


class FilePath(str):
    """A path to be given to :func:`open`: of a file, or of the container that a member is in."""

    members: tuple[str, ...]
    """The names from that container down to the member, as containers say them; empty for a file. Never a path."""

    def __new__(cls, path: str, members: tuple[str, ...] = ()) -> FilePath:
        made = super().__new__(cls, path)
        made.members = members
        return made


def encode_path(path: str) -> str:
    r"""The report's text for a file-system path as :func:`os.fsdecode` gives it.

    Separators become ``/``, a backslash in a name ``\\``, a byte that is not UTF-8 ``\xHH`` (lower case), ``!/``
    ``\x21/``, and a relative path that begins with ``= + - @``, tab, CR or LF gets ``./`` before it.

    Raises ``UnicodeEncodeError`` for a string that can name no file (a surrogate that stands for no byte).
    """
    if _SEPARATOR != "/":
        path = path.replace(_SEPARATOR, "/")
    text = _escaped(path)
    return f"./{text}" if text.startswith(_FORMULA_STARTS) else text


def encode_member(container: str, names: Sequence[str]) -> str:
    """The report's text for a member: the text of its container's path, then the names that lead to it.

    Names are as :func:`os.fsdecode` would give them. Raises like :func:`encode_path`.
    """
    return INSIDE.join([container, *map(_escaped, names)])


def _escaped(name: str) -> str:
    # On Windows a lone surrogate becomes three bytes that are not UTF-8 either, and comes back the same way.
    text = os.fsencode(name).replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return text.replace(INSIDE, r"\x21/")


def decode_path(text: str) -> FilePath:
    r"""The file-system path behind a report's ``path``, to be given to :func:`open`.

    It names the same file as the path that was scanned; a ``./`` that :func:`encode_path` added stays. Of a member,
    ``outer.zip!/dir/a.jpg``, it is that of the container, and ``members`` of the answer are the names inside.
    Raises ``ValueError`` when a backslash begins anything but ``\\`` or ``\x80`` … ``\xff``.
    """
    path, *members = [os.fsdecode(_ESCAPE.sub(_unescape, one.encode())) for one in text.split(INSIDE)]
    return FilePath(path, tuple(members))


def _unescape(match: re.Match[bytes]) -> bytes:
    backslash, digits = match.groups()
    if backslash is not None:
        return b"\\"
    if digits is not None:
        return bytes.fromhex(digits.decode("ascii"))
    raise ValueError(
        f"byte {match.start()} of the path is a backslash that begins no escape of a report "
        r"(\\, \x21 or \x80 to \xff, lower case)"
    )


def printable(path: str) -> str:
    """A path that cannot move a terminal's cursor or colour it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in path)

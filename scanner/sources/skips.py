"""What gets no row, and how it is counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from models.filetypes import MediaKind, kind_by_suffix, suffix_of

_PLAIN_SUFFIX = re.compile(r"[\w+-]{1,10}")


class SkipType(StrEnum):
    """What ``on_skip`` is told of things without a row, where it is not a file's suffix (``".txt"``)."""

    NO_SUFFIX = "(no suffix)"
    OTHER_SUFFIX = "(other suffix)"
    """Too long, only digits, or with odd characters: counted one by one they would have no end."""
    LINKED_FOLDER = "symlinked folder"
    DANGLING_LINK = "dangling link"
    SPECIAL_FILE = "special file"
    GIT_FOLDER = ".git folder"
    SUBFOLDER = "subfolder"
    """Under ``recursive=False``."""
    EXCLUDED_FILE = "excluded file"
    """By ``exclude``, or by an ``include`` that does not name it."""
    EXCLUDED_FOLDER = "excluded folder"
    IGNORED_FILE = "ignored file"
    """By ``.scanignore``."""
    IGNORED_FOLDER = "ignored folder"
    COMPANION = "AppleDouble file"
    """What macOS keeps beside a file on disks that are not its own (``._IMG_1.jpg``), known by its content."""
    POINTER = "pointer file"
    """Of Git LFS or git-annex, in place of a file that was not fetched and whose name does not say media."""


OnSkip = Callable[[str, str], None]
"""Called with the path as a report would write it, and a :class:`SkipType` or a suffix."""

LEFT_OUT = frozenset(
    {
        SkipType.EXCLUDED_FILE,
        SkipType.EXCLUDED_FOLDER,
        SkipType.IGNORED_FILE,
        SkipType.IGNORED_FOLDER,
        SkipType.POINTER,
    }
)
"""What may be a picture all the same: somebody wanted it left out, or it was not fetched."""

_KINDS = {MediaKind.COMPANION: SkipType.COMPANION, MediaKind.POINTER: SkipType.POINTER}


def skip_type(path: str, kind: MediaKind) -> str | None:
    """How a file is counted for which a folder has no row; ``None`` if it has one.

    A pointer has one if its name says media, since such a file is what was to be looked at.
    """
    if kind is MediaKind.POINTER and kind_by_suffix(path) is not MediaKind.UNKNOWN:
        return None
    return suffix_label(path) if kind is MediaKind.UNKNOWN else _KINDS.get(kind)


def suffix_label(name: str) -> str:
    """How a file of no other type is counted."""
    suffix = suffix_of(name)
    if not suffix:
        return SkipType.NO_SUFFIX
    return (
        f".{suffix}" if _PLAIN_SUFFIX.fullmatch(suffix) and not suffix.isdecimal() else SkipType.OTHER_SUFFIX
    )

"""What gets no row, and how it is counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from models.filetypes import suffix_of

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


OnSkip = Callable[[str, str], None]
"""Called with the path as a report would write it, and a :class:`SkipType` or a suffix."""

LEFT_OUT = frozenset(
    {SkipType.EXCLUDED_FILE, SkipType.EXCLUDED_FOLDER, SkipType.IGNORED_FILE, SkipType.IGNORED_FOLDER}
)
"""What somebody wanted left out, whatever it is."""


def suffix_label(name: str) -> str:
    """How a file of no other type is counted."""
    suffix = suffix_of(name)
    if not suffix:
        return SkipType.NO_SUFFIX
    return (
        f".{suffix}" if _PLAIN_SUFFIX.fullmatch(suffix) and not suffix.isdecimal() else SkipType.OTHER_SUFFIX
    )

"""What one path is, found out without disturbing it: only regular files are opened, and only to be read."""

from __future__ import annotations

import errno
import os
import stat
from enum import Enum, auto

from models.container_types import OFFICE_SUFFIXES, ContainerType, container_type
from models.filetypes import MediaKind, classify, kind_by_suffix, suffix_of
from models.first_bytes import NotRegular, first_bytes
from scanner.results import ErrorCode

Problem = tuple[ErrorCode, str]
"""The report's code for what is wrong with a file, and words for the log."""


class EntryType(Enum):
    """What a folder's listing says of an entry."""

    FOLDER = auto()
    FILE = auto()
    UNSURE = auto()
    """A link, something special, or not said: ask."""


def entry_type(entry: os.DirEntry[str]) -> EntryType:
    """The type of an entry itself, links not followed; costs no system call on most file systems."""
    try:
        # A junction (Windows, known since Python 3.12) is a link to a folder that does not look like a link.
        if entry.is_dir(follow_symlinks=False) and not getattr(entry, "is_junction", bool)():
            return EntryType.FOLDER
        return EntryType.FILE if entry.is_file(follow_symlinks=False) else EntryType.UNSURE
    except OSError:
        return EntryType.UNSURE


def problem_of(error: OSError | ValueError) -> Problem:
    """What a failure to reach or read a file means for its row.

    ``ValueError`` is what Python raises for a path with a NUL byte, which no file has.
    """
    if not isinstance(error, OSError):
        return ErrorCode.NOT_FOUND, str(error)
    detail = error.strerror or type(error).__name__
    # A path that is too long or goes in circles leads to no file.
    nowhere = isinstance(error, (FileNotFoundError, NotADirectoryError))
    if nowhere or error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
        return ErrorCode.NOT_FOUND, detail
    if isinstance(error, PermissionError):
        return ErrorCode.PERMISSION_DENIED, detail
    return ErrorCode.READ_FAILED, detail


def not_a_file(mode: int) -> Problem:
    """The problem with something that is no regular file; ``mode`` as :func:`os.stat` gives it."""
    if stat.S_ISFIFO(mode):
        return ErrorCode.NOT_A_FILE, "a FIFO"
    if stat.S_ISSOCK(mode):
        return ErrorCode.NOT_A_FILE, "a socket"
    return ErrorCode.NOT_A_FILE, "a folder" if stat.S_ISDIR(mode) else "a device"


def _may_be_companion(place: str) -> bool:
    """Whether a picture's name is one that macOS gives to an AppleDouble file; the content decides."""
    folder, _, name = place.rpartition("/")
    return name.startswith("._") or folder.endswith("/.AppleDouble")


def is_document(path: str) -> bool:
    """Whether a file is a document that pictures are looked for in, by suffix and content."""
    if suffix_of(path) not in OFFICE_SUFFIXES:
        return False
    try:
        return container_type(path, first_bytes(path)) is ContainerType.OFFICE
    except (NotRegular, OSError):
        return False


def look(path: str, place: str) -> tuple[MediaKind, Problem | None]:
    """The kind of a regular file, by suffix and content. With a problem, the kind is that of the suffix.

    ``place`` is where it really lies. A picture by its name is not opened: the decoder reads it anyway, and on a
    network disk that would double what a file costs.
    """
    kind = kind_by_suffix(path)
    if kind is MediaKind.IMAGE and not _may_be_companion(place):
        return kind, None
    try:
        return classify(path, first_bytes(path)), None
    except NotRegular as error:
        return kind, not_a_file(error.mode)
    except OSError as error:
        return kind, problem_of(error)

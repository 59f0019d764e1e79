"""Where links lead, and what special files are."""

# ruff: noqa: PTH116
# Paths stay strings as typed; pathlib would rewrite them.

from __future__ import annotations

import os
import stat

from models.filetypes import MediaKind
from scanner.results import ErrorCode
from scanner.sources.pointers import NOT_FETCHED
from scanner.sources.probe import EntryType, Problem, not_a_file, problem_of
from scanner.sources.skips import SkipType


def follow(path: str, kind: MediaKind) -> tuple[Problem | None, SkipType | None]:
    """What a link leads to, or what a special file is: a problem, a reason to skip, or neither (a file)."""
    is_image = kind in (MediaKind.IMAGE, MediaKind.UNDECODABLE_IMAGE)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        problem = problem_of(error)
        if problem[0] is ErrorCode.NOT_FOUND and _leads_into_annex(path):
            return (ErrorCode.NOT_FOUND, NOT_FETCHED["git-annex"]), None if is_image else SkipType.POINTER
        dangling = problem[0] is ErrorCode.NOT_FOUND and not is_image
        return problem, SkipType.DANGLING_LINK if dangling else None
    if stat.S_ISREG(mode):
        return None, None
    if stat.S_ISDIR(mode):
        return None, SkipType.LINKED_FOLDER
    return not_a_file(mode), None if is_image else SkipType.SPECIAL_FILE


def _leads_into_annex(link: str) -> bool:
    try:
        return "/annex/objects/" in os.readlink(link).replace(os.sep, "/")  # noqa: PTH115
    except (OSError, ValueError):
        return False


def resolve(path: str, place: str) -> tuple[str, EntryType]:
    """Where a link leads; one that leads nowhere is where it lies."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return real_folder(path), EntryType.FOLDER
        return real_path(path), EntryType.UNSURE
    except OSError:
        return place, EntryType.UNSURE


def real_folder(folder: str) -> str:
    return real_path(folder).rstrip("/")


def real_path(path: str) -> str:
    return os.path.realpath(path).replace(os.sep, "/")

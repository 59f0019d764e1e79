"""What is named explicitly and yet to be left out: ``--force-exclude``, for tools that hand over whatever changed."""

from __future__ import annotations

import os

from scanner.sources.scanignore import ScanIgnore, parts_from_here
from scanner.sources.selection import Selection
from scanner.sources.skips import SkipType


def why_left_out(
    path: str, selection: Selection, scanignore: ScanIgnore | None, *, is_folder: bool
) -> tuple[SkipType, str] | None:
    """By what ``exclude`` or a ``.scanignore`` leaves out a named path or a folder on the way to it: type and words.

    Patterns hold from the working directory on. Outside of it they are held against the path's own name alone, and
    no ``.scanignore`` counts. Raises :class:`ScanIgnoreError`.
    """
    inside = parts_from_here(path)
    parts = inside if inside is not None else [os.path.basename(os.path.normpath(path))]  # noqa: PTH119
    if parts == [os.pardir]:
        return None
    if _is_excluded(parts, selection, is_folder=is_folder):
        return SkipType.EXCLUDED_FOLDER if is_folder else SkipType.EXCLUDED_FILE, "by --exclude"
    if not inside or scanignore is None:
        return None
    rule = scanignore.decided_by(inside, is_folder=is_folder)
    if rule is None:
        return None
    return SkipType.IGNORED_FOLDER if is_folder else SkipType.IGNORED_FILE, f"by {rule.where}"


def _is_excluded(parts: list[str], selection: Selection, *, is_folder: bool) -> bool:
    relative = ""
    for number, name in enumerate(parts, 1):
        relative = f"{relative}/{name}" if relative else name
        if is_folder or number < len(parts):
            if not selection.enters_folder(name, relative):
                return True
        elif selection.excludes_file(name, relative):
            return True
    return False

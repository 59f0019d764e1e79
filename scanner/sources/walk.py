"""From operands to candidates: every file that gets a row of the report, in the report's order.

Memory holds the names of the folders on the way down to the current one and, only if a file could be reached
twice (several operands, or a list), a 16-byte digest for each file seen.
"""

# ruff: noqa: PTH116
# Paths stay strings as typed; pathlib would rewrite them.

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, islice

from models.filetypes import UNSCANNED_FOLDER, MediaKind, kind_by_suffix
from scanner.results import ErrorCode
from scanner.results.names import encode_path
from scanner.sources.candidate import Candidate
from scanner.sources.force_exclude import why_left_out
from scanner.sources.links import follow, real_folder, real_path, resolve
from scanner.sources.probe import EntryType, Problem, entry_type, is_document, look, not_a_file, problem_of
from scanner.sources.scanignore import FILE_NAME, ScanIgnore, Scope
from scanner.sources.selection import Operand, Selection, expand_operand
from scanner.sources.skips import OnSkip, SkipType, skip_type

_SLASHES = "/" if os.sep == "/" else f"/{os.sep}"
_SCANIGNORE = os.fsencode(FILE_NAME)


def walk(
    operands: Iterable[str | Operand],
    selection: Selection,
    *,
    ignore: Collection[str] = (),
    on_skip: OnSkip = lambda name, type_: None,
    scanignore: ScanIgnore | None = None,
) -> Iterator[Candidate]:
    """All candidates: operands in their order, below each the byte order of path components.

    ``ignore`` holds absolute paths of files and folders that are not looked at at all, even if they are named
    explicitly: the run's own outputs. With ``scanignore`` the folders' own ``.scanignore`` files are followed, and
    :class:`ScanIgnoreError` is raised where that cannot be done. A file reached twice, by way of a linked folder
    too, comes once, at its first place; hard links and links to files are files of their own. An operand that is a
    link to a folder is walked, a link to a folder found below one only with ``follow_symlinks``. Then a link to a
    file is that file, and loops end where they began.
    """
    flat = chain.from_iterable(expand_operand(Operand(o) if isinstance(o, str) else o) for o in operands)
    first_two = list(islice(flat, 2))
    once = len(first_two) > 1 or selection.follow_symlinks
    walker = _Walker(selection, ignore, on_skip, scanignore, once=once)
    for operand in chain(first_two, flat):
        yield from walker.operand(operand.path)


@dataclass
class _Level:
    """A folder on the way down, and what is still to come in it, last first."""

    below: str
    """Its path from the operand on, with ``/`` at the end if it is not empty."""
    place: str
    entries: list[tuple[bytes, EntryType]]
    scope: Scope


class _Walker:
    """One walk. A *place* is where something really lies, joined with ``/``: links of its folder are resolved and,
    if links are followed, its own."""

    def __init__(
        self,
        selection: Selection,
        ignore: Collection[str],
        on_skip: OnSkip,
        scanignore: ScanIgnore | None,
        *,
        once: bool,
    ) -> None:
        self._selection = selection
        self._on_skip = on_skip
        self._scanignore = scanignore
        self._once = once
        self._follow = selection.follow_symlinks
        self._rows: set[bytes] = set()
        self._entered: set[bytes] = set()
        self._skips: set[bytes] = set()
        # Lists name many files of one folder in a row.
        self._real_folder = lru_cache(maxsize=256)(real_folder)
        self._ignored = {self._place(path.rstrip(_SLASHES)) for path in ignore}

    def operand(self, path: str) -> Iterator[Candidate]:
        try:
            mode = os.stat(path).st_mode
            problem = None if stat.S_ISREG(mode) else not_a_file(mode)
        except (OSError, ValueError) as error:
            mode, problem = 0, problem_of(error)
        is_folder = stat.S_ISDIR(mode)
        if self._selection.force_exclude:
            left_out = why_left_out(path, self._selection, self._scanignore, is_folder=is_folder)
            if left_out is not None:
                yield from self._left_out(path, *left_out)
                return
        if self._selection.media_only and os.path.lexists(path):
            yield from self._as_in_a_folder(path, mode)
        elif is_folder:
            yield from self._folder(path)
        else:
            yield from self._explicit(path, problem)

    def _left_out(self, path: str, type_: SkipType, reason: str) -> Iterator[Candidate]:
        """A named file keeps its row, under ``media_only`` if its name says media: it is not opened."""
        if self._selection.media_only and kind_by_suffix(path) is MediaKind.UNKNOWN:
            self._skip(path, self._place(path), type_)
        else:
            yield from self._explicit(path, (ErrorCode.EXCLUDED, reason))

    def _as_in_a_folder(self, path: str, mode: int) -> Iterator[Candidate]:
        """What is named and there, as a walk would take it if it found it; ``mode`` of what it leads to."""
        is_link = os.path.islink(path)  # noqa: PTH114
        place = self._place(path)
        if (stat.S_ISDIR(mode) and not is_link) or (stat.S_ISDIR(mode) and self._follow):
            yield from self._folder(path)
        elif place not in self._ignored and not self._has_row(place):
            type_ = EntryType.FILE if stat.S_ISREG(mode) and not is_link else EntryType.UNSURE
            yield from self._met(path, place, type_, explicit=True)

    def _explicit(self, path: str, problem: Problem | None) -> Iterator[Candidate]:
        place = self._place(path)
        if place in self._ignored or not self._is_new(place, self._rows):
            return
        kind = kind_by_suffix(path)
        if problem is None:
            kind, problem = look(path, place)
        yield _candidate(path, kind, problem, explicit=True)

    def _folder(self, operand: str) -> Iterator[Candidate]:
        real = real_folder(operand)
        if real in self._ignored:
            return
        prefix = operand.rstrip(_SLASHES) + "/"
        # Anew for each operand: patterns hold from there on, so the same folder may now hold other files.
        self._entered.clear()
        levels: list[_Level] = []
        scope = self._scanignore.above(operand) if self._scanignore is not None else Scope()
        yield from self._list(operand, "", real, levels, scope, explicit=True)
        while levels:
            level = levels[-1]
            if not level.entries:
                levels.pop()
                continue
            raw_name, type_ = level.entries.pop()
            name = os.fsdecode(raw_name)
            relative = level.below + name
            path, place = prefix + relative, f"{level.place}/{name}"
            if type_ is EntryType.UNSURE and self._follow:
                place, type_ = resolve(path, place)
            if place in self._ignored:
                continue
            if type_ is not EntryType.FOLDER:
                ignored = level.scope.decided_by(raw_name, is_folder=False) is not None
                yield from self._found(path, name, relative, place, type_, ignored=ignored)
            elif skip := self._barrier(name, relative, place, level.scope):
                self._skip(path, place, skip)
            else:
                scope = level.scope.entered(raw_name)
                yield from self._list(path, f"{relative}/", place, levels, scope, explicit=False)

    def _barrier(self, name: str, relative: str, place: str, scope: Scope) -> SkipType | None:
        """Why a subfolder is not entered."""
        if UNSCANNED_FOLDER in (name, place.rpartition("/")[2]):
            return SkipType.GIT_FOLDER
        if not self._selection.enters_folder(name, relative):
            return SkipType.EXCLUDED_FOLDER
        if scope.decided_by(os.fsencode(name), is_folder=True) is not None:
            return SkipType.IGNORED_FOLDER
        return None if self._selection.recursive else SkipType.SUBFOLDER

    def _list(
        self,
        folder: str,
        below: str,
        place: str,
        levels: list[_Level],
        scope: Scope,
        *,
        explicit: bool,
    ) -> Iterator[Candidate]:
        """Put a folder's entries on ``levels``; if listing fails, the folder itself is a candidate too.

        If links are followed, a folder is listed once: by another way, nothing new would come of it. ``scope`` is
        what holds without the folder's own file.
        """
        if self._follow:
            if (digest := _digest(place)) in self._entered:
                return
            self._entered.add(digest)
        entries: list[tuple[bytes, EntryType]] = []
        level = _Level(below, place, entries, scope)
        levels.append(level)
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    entries.append((os.fsencode(entry.name), entry_type(entry)))
        except OSError as error:
            if self._is_new(place, self._rows):
                yield _candidate(folder, MediaKind.UNKNOWN, problem_of(error), explicit=explicit)
        entries.sort(key=lambda entry: entry[0], reverse=True)
        if self._scanignore is not None and any(name == _SCANIGNORE for name, _ in entries):
            level.scope = self._scanignore.inside(scope, folder)

    def _found(
        self, path: str, name: str, relative: str, place: str, type_: EntryType, *, ignored: bool
    ) -> Iterator[Candidate]:
        """What to do with a file, a link or something special that a folder holds."""
        if self._has_row(place):
            return
        left_out = SkipType.IGNORED_FILE if ignored else None
        if not self._selection.takes_file(name, relative):
            left_out = SkipType.EXCLUDED_FILE
        yield from self._met(path, place, type_, left_out)

    def _met(
        self,
        path: str,
        place: str,
        type_: EntryType,
        left_out: SkipType | None = None,
        *,
        explicit: bool = False,
    ) -> Iterator[Candidate]:
        """A row for media and for what cannot be told, else a count; a linked folder is one whatever is left out."""
        kind = kind_by_suffix(path)
        problem, skip = follow(path, kind) if type_ is EntryType.UNSURE else (None, None)
        if skip is not SkipType.LINKED_FOLDER:
            skip = left_out or skip
        counted: str | None = skip
        if skip is None and problem is None:
            kind, problem = look(path, place)
            counted = skip_type(path, kind) if problem is None else None
            if counted is not None and self._selection.documents and is_document(path):
                counted = None
        if counted is not None:
            self._skip(path, place, counted)
        elif self._is_new(place, self._rows):
            yield _candidate(path, kind, problem, explicit=explicit)

    def _skip(self, path: str, place: str, type_: str) -> None:
        if not self._has_row(place) and self._is_new(place, self._skips):
            self._on_skip(encode_path(path), type_)

    def _has_row(self, place: str) -> bool:
        return self._once and _digest(place) in self._rows

    def _is_new(self, place: str, seen: set[bytes]) -> bool:
        if not self._once:
            return True
        before = len(seen)
        seen.add(_digest(place))
        return len(seen) > before

    def _place(self, path: str) -> str:
        if self._follow:
            with contextlib.suppress(OSError, ValueError):
                return real_path(path)
        folder, name = os.path.split(path)
        try:
            return f"{self._real_folder(folder or '.')}/{name}"
        except (OSError, ValueError):  # a path with a NUL byte leads nowhere, and only to itself
            return path


def _candidate(path: str, kind: MediaKind, problem: Problem | None, *, explicit: bool) -> Candidate:
    code, detail = problem or (None, "")
    return Candidate(path, encode_path(path), kind, explicit, code, detail)


def _digest(place: str) -> bytes:
    return blake2b(os.fsencode(place), digest_size=16).digest()

"""What the user asked for: operands, patterns, and lists of files."""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import BinaryIO

from models.filetypes import UNSCANNED_FOLDER
from models.support.errors import Failure

MAX_NAME_BYTES = 1 << 20
"""No system has longer paths (Linux: 4096 bytes); a longer "name" is a list read with the wrong separator."""

_MAGIC = re.compile(r"[*?\[]")


class FileListError(Failure):
    """A ``--files-from`` list cannot be what it was said to be."""


@dataclass(frozen=True)
class Selection:
    """Which files below a folder are looked at; patterns are those of :mod:`fnmatch` (``* ? [a-z] [!a-z]``).

    A pattern without ``/`` is matched against a file's own name, one with ``/`` against its path relative to
    the operand, where ``*`` crosses ``/`` too (``2024/*`` is everything below ``2024``); a leading ``/`` or
    ``./`` only ties a pattern to the operand. Case counts, except on Windows.

    ``include``, if any, picks files; folders are entered all the same. ``exclude`` leaves out files and
    prunes folders, and beats ``include``. A trailing ``/`` in ``exclude`` matches folders only; in
    ``include`` it stands for everything below that folder. The operands themselves, ``--files-from`` entries
    and files that a glob operand matched are named explicitly: patterns do not touch them, unless
    ``force_exclude`` says that ``exclude`` does.
    """

    recursive: bool = True
    follow_symlinks: bool = False
    """Enter linked folders too, wherever they lead; then each real file comes once, at its first place."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    """What is named explicitly and matches ``exclude`` or a ``.scanignore`` is not looked at; it keeps its row."""
    documents: bool = False
    """Documents that are a zip (.docx, .epub …) get a row, too: pictures are looked for in them."""
    media_only: bool = False
    """What is named explicitly and is there gets a row only if a folder's walk would give it one; else it is counted.

    A link to a folder is entered only with ``follow_symlinks``. For tools that hand over whatever changed.
    """

    def takes_file(self, name: str, relative: str) -> bool:
        """Whether a file is looked at; ``relative`` is its path from the operand on, with ``/``."""
        if self.excludes_file(name, relative):
            return False
        return not self.include or any(
            _matches(f"{p}*" if p.endswith("/") else p, name, relative) for p in self.include
        )

    def excludes_file(self, name: str, relative: str) -> bool:
        """Whether ``exclude`` names a file."""
        return any(_matches(p, name, relative) for p in self.exclude if not p.endswith("/"))

    def enters_folder(self, name: str, relative: str) -> bool:
        """Whether ``exclude`` leaves a folder standing; ``recursive`` is another question."""
        return not any(_matches(p.removesuffix("/"), name, relative) for p in self.exclude)


def _matches(pattern: str, name: str, relative: str) -> bool:
    if "/" in pattern:
        return fnmatch(relative, pattern.removeprefix("./").removeprefix("/"))
    return fnmatch(name, pattern)


@dataclass(frozen=True)
class Operand:
    """Something to scan, as typed: a file, a folder, or a glob when nothing of that name exists."""

    path: str
    literal: bool = False
    """Never a glob: a ``--files-from`` entry, which otherwise means what an operand means."""


def expand_operand(operand: Operand) -> Iterator[Operand]:
    """The operand itself, or what it matches (:func:`expand_glob`) if it is a glob and no such file exists.

    A glob that matches nothing comes back as it is, so that it ends as a row ``not_found``.
    """
    if operand.literal or not _MAGIC.search(operand.path) or os.path.lexists(operand.path):
        yield operand
        return
    matched = False
    for path in expand_glob(operand.path):
        matched = True
        yield Operand(path, literal=True)
    if not matched:
        yield Operand(operand.path, literal=True)


def expand_glob(pattern: str) -> Iterator[str]:
    """The paths that a glob matches, in byte order by component, one folder's names in memory at a time.

    For shells that do not expand globs, and for quoted ones. Each component is an fnmatch pattern; ``*``
    matches hidden names too, as folders are scanned with theirs. ``**`` is any number of folders, none
    included; at the end of a pattern it gives the folder it starts from, to be scanned whole. No wildcard
    stands for ``.git``, and ``**`` does not follow links (a loop of them would never end). A folder that
    cannot be listed is given itself, so that it ends as an error row and not in silence.
    """
    components = pattern.replace(os.sep, "/").split("/")
    first = next((i for i, part in enumerate(components) if _MAGIC.search(part)), len(components))
    base = "".join(f"{part}/" for part in components[:first])
    parts = tuple(part for part in components[first:] if part not in ("", "."))
    yield from _expand_below(base, parts, folders_only=components[-1] == "")


def _expand_below(base: str, parts: tuple[str, ...], *, folders_only: bool) -> Iterator[str]:
    # A stack of matches (None) and of folders with the parts that may come next in them: each folder is
    # listed once, no path comes twice, and depth is not limited by Python's.
    todo: list[tuple[str, frozenset[int] | None]] = [(base, frozenset({0}))]
    while todo:
        path, states = todo.pop()
        if states is None:
            yield path
            continue
        states = _past_folders(parts, states)
        folder = path.rstrip("/") or path or "."
        if len(parts) in states:  # a ``**`` at the end
            yield folder
            continue
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            yield folder
            continue
        found: list[tuple[str, frozenset[int] | None]] = []
        for entry in entries:
            after = {i + 1 for i in states if parts[i] != "**" and _component_matches(parts[i], entry.name)}
            stays = {i for i in states if parts[i] == "**" and _is_entered(entry)}
            following = frozenset((after - {len(parts)}) | stays)
            is_folder = bool(after or stays) and _is_folder(entry)
            if len(parts) in after and (is_folder or not folders_only):
                found.append((path + entry.name, None))
            if following and is_folder:
                found.append((f"{path}{entry.name}/", following))
        todo.extend(reversed(found))


def _past_folders(parts: tuple[str, ...], states: frozenset[int]) -> frozenset[int]:
    """Add what may come next when a ``**`` stands for no folder at all."""
    reached = set(states)
    for i in range(min(states), len(parts)):
        if i in reached and parts[i] == "**":
            reached.add(i + 1)
    return frozenset(reached)


def _component_matches(part: str, name: str) -> bool:
    if name == UNSCANNED_FOLDER and _MAGIC.search(part):
        return False
    return fnmatch(name, part)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_entered(entry: os.DirEntry[str]) -> bool:
    """Whether ``**`` goes into it."""
    try:
        return entry.name != UNSCANNED_FOLDER and entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def read_file_list(stream: BinaryIO, nul: bool) -> Iterator[str]:
    """The names in a ``--files-from`` list, one at a time, as :func:`os.fsdecode` gives them.

    Names end with a line feed (one carriage return before it is dropped) or, with ``nul``, with a NUL byte.
    Without ``nul`` a byte-order mark is dropped and UTF-16 refused.
    Empty names are left out; the last one needs no end. Raises :class:`FileListError` when the other
    separator was meant.
    """
    separator = b"\0" if nul else b"\n"
    rest, is_begun = b"", nul
    # read1 gives what is there: a pipe's first names are scanned while its last are still being found.
    read = getattr(stream, "read1", stream.read)
    while chunk := read(1 << 16):
        if not nul and b"\0" in chunk:
            raise FileListError(
                "the list of files holds NUL bytes; add -0 if they separate its names "
                "(a list in UTF-16 must be made UTF-8)"
            )
        rest += chunk
        if not is_begun:
            if rest.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise FileListError("the list of files is in UTF-16; save it as UTF-8")
            # A pipe may give the mark byte by byte.
            if len(rest) < len(BOM_UTF8) and BOM_UTF8.startswith(rest):
                continue
            rest, is_begun = rest.removeprefix(BOM_UTF8), True
        *names, rest = rest.split(separator)
        if len(rest) > MAX_NAME_BYTES:
            raise FileListError(
                f"the list of files has a name of more than {MAX_NAME_BYTES} bytes; "
                + ("if its names are on lines, leave out -0" if nul else "is it a list of files?")
            )
        yield from _names(names, nul)
    yield from _names([rest], nul)


def _names(raw: list[bytes], nul: bool) -> Iterator[str]:
    for name in raw:
        if not nul:
            name = name.removesuffix(b"\r")
        if name:
            yield os.fsdecode(name)

"""``.scanignore``: files in the scanned folders that say what is not looked at, in the syntax of ``.gitignore``."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from models.first_bytes import OPEN_FLAGS
from models.support.errors import Failure
from scanner.results.names import encode_path, printable
from scanner.sources.ignore_rules import PatternError, Rule, read_rule
from scanner.sources.probe import not_a_file

FILE_NAME = ".scanignore"
MAX_BYTES = 1 << 20
MAX_PATTERNS = 10_000
"""Of one file. Each entry of a folder may have to be held against every one of them."""


class ScanIgnoreError(Failure):
    """A ``.scanignore`` file cannot be read, or says something that cannot be followed."""


@dataclass(frozen=True)
class Scope:
    """What all ``.scanignore`` files from the top down to one folder say of what lies in it."""

    layers: tuple[tuple[tuple[Rule, ...], str], ...] = ()
    """Each file's rules, the last line first, and the path from its folder to this one; the deepest file first."""

    def decided_by(self, raw_name: bytes, *, is_folder: bool) -> Rule | None:
        """The rule for which an entry of the folder is ignored, if it is; the name as :func:`os.fsencode` gives it."""
        if not self.layers:
            return None
        name = _text(raw_name)
        for rules, below in self.layers:
            for rule in rules:
                if rule.names(name) and rule.places(below + name, is_folder=is_folder):
                    return None if rule.brings_back else rule
        return None

    def entered(self, raw_name: bytes) -> Scope:
        """That of a subfolder, before its own file is added."""
        if not self.layers:
            return self
        name = _text(raw_name)
        return Scope(tuple((rules, f"{below}{name}/") for rules, below in self.layers))

    def with_rules(self, rules: tuple[Rule, ...]) -> Scope:
        return Scope(((rules, ""), *self.layers)) if rules else self


class ScanIgnore:
    """The ``.scanignore`` files of one run; ``on_use`` is told each one's path as a report writes it, and its SHA-256.

    They count from the working directory down, for what lies outside of it from the operand down. Links are what
    they are called, wherever they lead.
    """

    def __init__(self, on_use: Callable[[str, str], None] = lambda name, digest: None) -> None:
        self._on_use = on_use
        # Lists name many files of one folder in a row.
        self._rules = lru_cache(maxsize=256)(self._read)

    def above(self, folder: str) -> Scope:
        """What holds in an operand's folder before its own file; that it is ignored itself is no matter."""
        scope = Scope()
        for holding, name in self._way(parts_from_here(folder) or []):
            scope = holding.entered(os.fsencode(name))
        return scope

    def inside(self, scope: Scope, folder: str) -> Scope:
        """``scope`` with the folder's own file. Raises :class:`ScanIgnoreError`."""
        return scope.with_rules(self._rules(folder))

    def decided_by(self, parts: list[str], *, is_folder: bool) -> Rule | None:
        """The rule for which a path below the working directory, or a folder above it, is ignored.

        Raises :class:`ScanIgnoreError`.
        """
        for number, (scope, name) in enumerate(self._way(parts), 1):
            rule = scope.decided_by(os.fsencode(name), is_folder=is_folder or number < len(parts))
            if rule is not None:
                return rule
        return None

    def _way(self, parts: list[str]) -> Iterator[tuple[Scope, str]]:
        """Each part of a path below the working directory, with what holds where it lies."""
        scope, folder = Scope(), ""
        for name in parts:
            scope = self.inside(scope, folder or ".")
            yield scope, name
            scope, folder = scope.entered(os.fsencode(name)), f"{folder}/{name}" if folder else name

    def _read(self, folder: str) -> tuple[Rule, ...]:
        path = FILE_NAME if folder == "." else f"{folder.rstrip(os.sep)}/{FILE_NAME}"
        name = encode_path(path)
        data = _content(path, printable(name))
        if data is None:
            return ()
        rules = tuple(_rules(data, printable(name)))[::-1]
        self._on_use(name, sha256(data).hexdigest())
        return rules


def parts_from_here(path: str) -> list[str] | None:
    """The names on the way from the working directory to a path, links not resolved; ``None`` if it lies outside."""
    if "\0" in path:
        return None
    try:
        here = os.getcwd()  # noqa: PTH109
        full = os.path.normpath(os.path.join(here, path))  # noqa: PTH118
        # Behind a linked folder, ``..`` is not the folder before it.
        if os.pardir in path.replace(os.sep, "/").split("/") and os.path.realpath(full) != os.path.realpath(
            path
        ):
            return None
    except OSError:
        return None
    if full == here:
        return []
    inside = here.rstrip(os.sep) + os.sep
    return full.removeprefix(inside).replace(os.sep, "/").split("/") if full.startswith(inside) else None


def _text(raw_name: bytes) -> str:
    """A name as patterns see it: they are UTF-8 in any locale; a byte that is not stands for itself."""
    return raw_name.decode("utf-8", "surrogateescape")


def _content(path: str, name: str) -> bytes | None:
    """``None`` if there is no such file."""
    try:
        # Not through a link: it would bring in a file that nobody who looks at the folder has seen.
        descriptor = os.open(path, OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0))
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise _failure(name, f"it is {not_a_file(mode)[1]}", "remove it")
            with open(descriptor, "rb", closefd=False) as stream:
                data = stream.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Also if its folder cannot be entered: whatever is asked for there has its own row.
        if not os.path.lexists(path):
            return None
        if os.path.islink(path):  # noqa: PTH114
            raise _failure(name, "it is a link", "put a file in its place") from None
        if error.errno == errno.ENXIO:
            raise _failure(name, "it is a socket or a device", "remove it") from None
        raise _failure(name, error.strerror or type(error).__name__, "make it readable") from None
    if len(data) > MAX_BYTES:
        raise _failure(name, f"it has more than {MAX_BYTES:,} bytes", "shorten it")
    return data


def _failure(place: str, reason: str, remedy: str) -> ScanIgnoreError:
    return ScanIgnoreError(
        f"{place} cannot be followed: {reason}; {remedy}, or scan everything with --no-scanignore"
    )


def _rules(data: bytes, name: str) -> Iterator[Rule]:
    """In the file's order."""
    count = 0
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        where = f"{name}, line {number}"
        try:
            line = raw.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise _failure(where, "it is not UTF-8", "save the file as UTF-8") from None
        try:
            rule = read_rule(line, where)
        except PatternError as error:
            raise _failure(f"{where} ({printable(line[:80])})", *error.args) from None
        if rule is not None:
            count += 1
            if count > MAX_PATTERNS:
                raise _failure(where, f"the file has more than {MAX_PATTERNS:,} patterns", "shorten it")
            yield rule

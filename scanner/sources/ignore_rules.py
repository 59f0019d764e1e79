"""One line of a ``.scanignore`` file: the syntax of ``.gitignore``, as git reads it.

pathspec translates what stands between two slashes. The rest is done here, because pathspec is made for whole paths
of files: it would take ``a/**`` for ``a`` too, and not enter what ``*`` and ``!*/`` leave open.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_Part = Callable[[str], object]
"""Whether (true or false) it stands for a name."""

_WILD = re.compile(r"[*?\[\\]")
_TOKEN = re.compile(r"\\.|\[[!^]?+\]?+[^\]]*\]|.", re.DOTALL)
# Backslashes and classes, which pathspec reads in another way than git; the others make Python's re warn that they
# may come to mean something.
_NOT_IN_BRACKETS = re.compile(r"\\|\[[:.=]|^\[|--|&&|\|\||~~")
_ANY_NAME = "[^/]*"
"""What pathspec makes of ``*``; no other part of a pattern without a slash can become it."""


class PatternError(Exception):
    """A pattern without a meaning: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a file."""

    where: str
    """File and line."""
    brings_back: bool
    folders_only: bool
    names: _Part
    """Whether it may stand for an entry of this name: asked first, since for nearly all it does not."""
    parts: tuple[_Part | None, ...]
    """For its whole path from the file's folder on; ``None`` is any number of folders, and never the last. Empty if
    it does not matter where the entry lies."""

    def places(self, path: str, *, is_folder: bool) -> bool:
        """Whether it stands for a path below the file's folder, of which :attr:`names` takes the last name."""
        if self.folders_only and not is_folder:
            return False
        return not self.parts or _parts_match(self.parts, path.split("/"))


def read_rule(line: str, where: str) -> Rule | None:
    """``None`` for an empty line or a comment; ``where`` names it. Raises :class:`PatternError`."""
    line = _without_trailing_spaces(line)
    if not line or line.startswith("#"):
        return None
    brings_back = line.startswith("!")
    pattern = line.removeprefix("!")
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    anchored = "/" in pattern
    names = pattern.removeprefix("/").split("/")
    if not all(names):
        raise PatternError(
            "an empty name stands for nothing", "write a name before, between and after slashes"
        )
    *parts, last = [_part(name) for name in names]
    if last is None:
        parts, last = [*parts, None], _any_name  # what lies in these folders, not the folder before them
    return Rule(where, brings_back, folders_only, last, (*parts, last) if anchored else ())


def _without_trailing_spaces(line: str) -> str:
    """A backslash keeps the space that follows it."""
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return f"{bare} " if backslashes % 2 and bare != line else bare


def _part(glob: str) -> _Part | None:
    """What one name of a pattern stands for; ``None`` for ``**``. Raises :class:`PatternError`."""
    if len(glob) > 1 and not glob.strip("*"):
        return None
    _check(glob)
    if not _WILD.search(glob):
        return glob.__eq__
    if glob[-1].isspace():  # which pathspec would take off
        head = glob[:-1]
        escaped = (len(head) - len(head.rstrip("\\"))) % 2
        glob = f"{head[:-1] if escaped else head}[{glob[-1]}]"
    from pathspec import GitIgnoreSpec

    try:
        # A slash before it, so that neither ``!`` nor ``#`` at its beginning is more than that.
        (pattern,) = GitIgnoreSpec.from_lines([f"/{glob}"]).patterns
        if pattern.regex is None:
            raise PatternError("it matches nothing", "correct it")
        return re.compile(_in_steady_time(pattern.regex.pattern)).fullmatch
    except (ValueError, re.error) as error:
        raise PatternError(f"it is no pattern ({error})", "correct it") from None


def _check(glob: str) -> None:
    """Refuse what would match nothing or not what it seems to."""
    if glob in (".", ".."):
        raise PatternError(f"no path below a folder holds the name {glob}", "leave it out")
    if "\0" in glob:
        raise PatternError("no name holds a NUL byte", "save the file as UTF-8")
    for token in _TOKEN.findall(glob):
        if token == "\\":
            raise PatternError("nothing follows the last backslash", r"write \\ for a backslash")
        if token == "[":
            raise PatternError("the bracket has no end", r"write \[ for a bracket")
        if token[0] == "[" and _NOT_IN_BRACKETS.search(token[1:-1]):
            raise PatternError(
                "these brackets hold something that is not understood",
                r"write \[ for a bracket, [A-Za-z] for a class",
            )


def _in_steady_time(regex: str) -> str:
    """The same language, without trying every way to share a name out among many ``*``, which may take for ever."""
    first, *middle = regex.split(_ANY_NAME)
    if len(middle) < 2:
        return regex
    *middle, last = middle
    return first + "".join(f"(?>{_ANY_NAME}?{part})" for part in middle if part) + _ANY_NAME + last


def _parts_match(parts: tuple[_Part | None, ...], names: list[str]) -> bool:
    """Whether ``parts`` stand for all of ``names``; the last ``**`` gives way, as ``*`` does in a name."""
    at = here = 0
    retry: tuple[int, int] | None = None
    while here < len(names):
        part = parts[at] if at < len(parts) else _no_name
        if part is None:
            at += 1
            retry = at, here
        elif part(names[here]):
            at, here = at + 1, here + 1
        elif retry is not None:
            at, here = retry[0], retry[1] + 1
            retry = at, here
        else:
            return False
    return at == len(parts)


def _any_name(name: str) -> bool:
    return True


def _no_name(name: str) -> bool:
    return False

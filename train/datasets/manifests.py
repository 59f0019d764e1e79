"""Label manifests: CSV files with ``path, label`` and more, joined with the files of a tree.

A path is understood with ``\\`` for ``/``, with ``./`` and repeated slashes, with the tree's own folder name in front,
absolute, and in another case or Unicode form, as long as it can mean one file only. What it says of no file is counted.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

from models.support.errors import DataError

Row = dict[str, str]


def _same(text: str) -> str:
    return text


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


_READINGS: tuple[Callable[[str], str], ...] = (_same, _composed, _caseless)
"""From the strictest; a file that has a row by one of them gets none by the next."""

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")


@dataclass(frozen=True)
class Join:
    """How far a manifest and a split know of each other."""

    rows: int
    rows_without_file: int
    """Rows that match no file of the tree, in whatever split."""
    files: int
    files_without_row: int
    """Of the split that was read."""
    groups: Mapping[str, frozenset[str]]
    """The splits of each group."""

    @property
    def shared_groups(self) -> int:
        """Groups that stand both in train and in a split that is reported on."""
        return sum("train" in splits and len(splits) > 1 for splits in self.groups.values())

    def __add__(self, other: Join) -> Join:
        groups = {
            name: self.groups.get(name, frozenset()) | other.groups.get(name, frozenset())
            for name in [*self.groups, *(name for name in other.groups if name not in self.groups)]
        }
        return Join(
            self.rows + other.rows,
            self.rows_without_file + other.rows_without_file,
            self.files + other.files,
            self.files_without_row + other.files_without_row,
            groups,
        )

    def as_config(self) -> dict[str, int]:
        """For JSON files."""
        return {
            "rows": self.rows,
            "rows_without_file": self.rows_without_file,
            "files": self.files,
            "files_without_row": self.files_without_row,
            "groups_in_train_and_report": self.shared_groups,
        }

    def remarks(self, split: str) -> Iterator[str]:
        """What a reader of figures must know; nothing when all is well."""
        if self.rows_without_file or self.files_without_row:
            yield (
                f"note: {self.rows_without_file} of {self.rows} rows of the labels match no file, and "
                f"{self.files_without_row} of {self.files} files of {split} have no row"
            )
        if self.shared_groups:
            yield (
                f"warning: {self.shared_groups} of {len(self.groups)} groups stand in train and in validation or "
                "test, so figures on these are optimistic"
            )


def join(
    manifest: Path, data: Path, split: str, images: Sequence[str], files: Collection[str]
) -> tuple[dict[str, Row], Join]:
    """The rows by relative path, and how well they fit.

    ``images``: relative paths of ``split``'s images; ``files``: those of all files of all splits. Raises
    :class:`DataError` when nothing of the split is matched that the manifest speaks of, or rows contradict each other.
    """
    rows = read_rows(manifest)
    found, lost = _match(rows, manifest, data, {*files, *images})
    matched = [name for name in images if name in found]
    if images and not matched:
        about = [row for row in lost if _speaks_of(row, split)]
        if about or not found:
            _refuse(manifest, data, split, about or rows, images)
    groups: dict[str, set[str]] = {}
    placed = [(row, name.partition("/")[0]) for name, row in found.items()]
    for row, place in [*placed, *((row, row.get("split") or "") for row in lost)]:
        if row.get("group") and place.strip():
            groups.setdefault(row["group"], set()).add(place.strip().lower())
    summary = Join(
        len(rows),
        sum(not _lies_elsewhere(row["path"], data) for row in lost),
        len(images),
        len(images) - len(matched),
        {name: frozenset(splits) for name, splits in groups.items()},
    )
    return found, summary


def _match(
    rows: Sequence[Row], manifest: Path, data: Path, files: set[str]
) -> tuple[dict[str, Row], list[Row]]:
    found: dict[str, Row] = {}
    lost = list(rows)
    for reading in _READINGS:
        taken, places, left = set(found), _Places(data, files, reading), []
        for row in lost:
            name = places.find(row["path"])
            if name is None or name in taken:
                left.append(row)
            elif _said(found.setdefault(name, row)) != _said(row):
                other = found[name]["path"]
                spelled = "" if other == row["path"] else f" ({other!r} and {row['path']!r})"
                raise DataError(f"{manifest} says two different things about {name}{spelled}")
        lost = left
        if not lost:
            break
    return found, lost


def _said(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "path"}


class _Places:
    """The files of a tree, as one reading of names tells them apart."""

    def __init__(self, data: Path, files: Collection[str], reading: Callable[[str], str]) -> None:
        self._data, self._reading = data, reading
        self._files: dict[str, str | None] = {}
        for name in files:
            key = reading(name)
            self._files[key] = name if key not in self._files else None
        self._names = {reading(place.name) for place in (data.absolute(), data.resolve())}
        self._roots = {
            tuple(_parts(reading(place.as_posix()))) for place in (data.absolute(), data.resolve())
        }

    def find(self, path: str) -> str | None:
        """The one file that ``path`` can mean."""
        if (exact := self._files.get(self._reading(path))) is not None:
            return exact
        for text in dict.fromkeys((path, path.replace("\\", "/"))):
            parts = _parts(self._reading(text))
            is_absolute = _ABSOLUTE.match(text) is not None
            inside = [parts[len(root) :] for root in self._roots if tuple(parts[: len(root)]) == root]
            sure = inside if is_absolute else [parts]
            for candidates in (sure, self._after_name(parts)):
                names = {self._files.get("/".join(one)) for one in candidates} - {None}
                if len(names) == 1 and not (
                    candidates is not sure and is_absolute and self._is_other(text, names)
                ):
                    return names.pop()
        return None

    def _after_name(self, parts: list[str]) -> list[list[str]]:
        return [parts[at + 1 :] for at, part in enumerate(parts) if part in self._names]

    def _is_other(self, path: str, names: set[str | None]) -> bool:
        """Whether an absolute path leads to a file of another tree of this name."""
        try:
            return Path(path).exists() and not any(
                name and Path(path).samefile(self._data / name) for name in names
            )
        except (OSError, ValueError):
            return False


def _parts(path: str) -> list[str]:
    """Components without ``.`` and empty ones; ``..`` takes one back, where there is one."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _speaks_of(row: Row, split: str) -> bool:
    if place := row.get("split", "").strip():
        return place.lower() == split.lower()
    return split.lower() in (part.lower() for part in _parts(row["path"].replace("\\", "/")))


def _lies_elsewhere(path: str, data: Path) -> bool:
    """Whether it is a file of the tree that belongs to no class."""
    parts = _parts(path.replace("\\", "/"))
    try:
        return bool(parts) and parts[0] != ".." and data.joinpath(*parts).is_file()
    except (OSError, ValueError):
        return False


def _refuse(manifest: Path, data: Path, split: str, rows: Sequence[Row], images: Sequence[str]) -> NoReturn:
    if not rows:
        raise DataError(f"manifest {manifest} has no row; leave it out, or give the labels of {data}")
    path = rows[0]["path"]
    like = max(images, key=lambda name: _common_end(name, path))
    raise DataError(
        f"no row of {manifest} matches a file of {split} in {data}: it says {path!r} where the tree says {like!r}; "
        "give paths below the tree"
    )


def _common_end(one: str, other: str) -> int:
    """How many last components are the same, case apart."""
    ends = zip(*(reversed(_parts(_caseless(path.replace("\\", "/")))) for path in (one, other)), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))


def read_rows(manifest: Path) -> list[Row]:
    """All of them. Raises :class:`DataError`."""
    # Spreadsheets begin a CSV file with a byte-order mark, which utf-8-sig takes.
    try:
        with manifest.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = {"path", "label"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(f"{manifest} has no column {', '.join(sorted(missing))}")
            return list(reader)
    except OSError as error:
        raise DataError(f"manifest {manifest} cannot be read: {error.strerror}") from None
    except csv.Error as error:
        raise DataError(f"manifest {manifest} is not CSV: {error}") from None

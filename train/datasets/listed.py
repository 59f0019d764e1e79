"""Pictures that lie anywhere and whose classes a list alone says: of a review, for instance. For evaluation.

A tree says the class with its folders; here nothing but the list does, so it names every picture that is measured.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from models.contract import Label
from models.support.errors import DataError
from train.datasets.files import LeftOut, why_left_out
from train.datasets.manifests import Join, read_rows
from train.datasets.tree import LabelledImage, NothingThere, Survey, count_by_class

LISTED = "listed"
"""In the place of a split's name."""


def survey_listed(data: Path, manifest: Path) -> Survey:
    """The pictures of ``manifest``, whose paths begin in ``data`` or with its name.

    Rows without a file, and of files that are not what was labelled (``sha256``), are counted and left out. Raises
    :class:`DataError` when nothing is found, a class is missing, or rows contradict each other.
    """
    rows = read_rows(manifest)
    images: dict[str, LabelledImage] = {}
    left_out: list[tuple[str, LeftOut]] = []
    lost = 0
    for row in rows:
        path = next(_places(data, row["path"]), None)
        if path is None:
            lost += 1
        elif (why := _why_left_out(path, row)) is not None:
            left_out.append((row["path"], why))
        else:
            image = _labelled(path, row, manifest)
            other = images.setdefault(os.path.realpath(path), image)
            if other.label is not image.label:
                raise DataError(f"{manifest} says two different things about {row['path']}")
    found = sorted(images.values(), key=lambda image: os.fsencode(image.relative))
    _check(found, left_out, rows, manifest, data)
    join = Join(len(rows), lost, len(found), 0, {})
    return Survey(found, sorted(left_out, key=lambda one: os.fsencode(one[0])), join)


def is_tree(data: Path, split: str) -> bool:
    """Whether ``data`` has a folder of that name, in whatever case."""
    try:
        return any(entry.name.lower() == split.lower() and entry.is_dir() for entry in data.iterdir())
    except OSError:
        return True  # for whoever reads the tree to say


def _places(data: Path, name: str) -> Iterator[Path]:
    """Where the path of a row can lead."""
    path = Path(name)
    candidates = [data / path]
    if path.parts[:1] == (data.resolve().name,):
        candidates.append(data.resolve().parent / path)
    for place in candidates:
        try:
            if place.is_file():
                yield place
        except (OSError, ValueError):
            continue


def _why_left_out(path: Path, row: Mapping[str, str]) -> LeftOut | None:
    if (why := why_left_out(path)) is not None:
        return why
    wanted = row.get("sha256", "").strip().lower()
    try:
        return LeftOut.CHANGED if wanted and hashlib.sha256(path.read_bytes()).hexdigest() != wanted else None
    except OSError:
        return None  # for whoever decodes it to say


def _labelled(path: Path, row: Mapping[str, str], manifest: Path) -> LabelledImage:
    try:
        label = Label.from_name(row["label"])
    except ValueError as error:
        raise DataError(f"{manifest}, {row['path']}: {error}") from None
    source, group, sha256 = (row.get(name) or None for name in ("source", "group", "sha256"))
    return LabelledImage(path, row["path"], label, source, group, sha256)


def _check(
    found: list[LabelledImage], left_out: list[tuple[str, LeftOut]], rows: object, manifest: Path, data: Path
) -> None:
    if not rows:
        raise DataError(f"manifest {manifest} has no row; review some pictures first")
    if not found and not left_out:
        raise NothingThere(
            f"no row of {manifest} names a file in {data}; name the folder in which the scan was started as DATA"
        )
    for title, number in count_by_class(found).items():
        if not number:
            raise NothingThere(
                f"{manifest} labels no picture {title} that is there unchanged; error rates need both classes"
            )

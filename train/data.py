"""Labelled data trees, ``{train,validation[,test]}/{Real,Fake}/…``, and the four roles of their images.

No torch: evaluation reads the same trees.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from models.contract import Label
from models.errors import DataError
from models.faces.crop import Box
from train.looks import Look

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif")
)

LAYOUT = "DATA/{train,validation[,test]}/{Real,Fake}/… (any case)"


class Role(StrEnum):
    """What an image may be used for. The roles are disjoint, and so are their groups."""

    FIT = "fit"
    SELECT = "select"
    CALIBRATE = "calibrate"
    REPORT = "report"


@dataclass(frozen=True)
class LabelledImage:
    """One image of a tree; ``source``, ``group`` and ``sha256`` come from the manifest, if there is one."""

    path: Path
    relative: str
    """Path below the tree, ``/``-separated."""
    label: Label
    source: str | None = None
    group: str | None = None
    """Images of one original share a group; it is the unit of splitting and of resampling."""
    sha256: str | None = None
    face: Box | None = None
    """The largest face's box in pixels of the upright picture: left, top, width, height."""
    look: Look | None = None
    """Of the part that is judged; measured when a run is begun."""


def read_tree(data: Path, split: str, *, manifest: Path | None = None) -> list[LabelledImage]:
    """The images of one split in byte order of their relative paths.

    ``manifest`` defaults to :func:`find_manifest`. Raises :class:`DataError` when the layout is wrong, a class
    has no image, or the manifest contradicts the folders.
    """
    if not data.is_dir():
        raise DataError(f"{data} is not a folder; expected {LAYOUT}")
    split_folder = _child(data, split)
    if split_folder is None:
        raise DataError(f"{data} has no folder {split!r}; expected {LAYOUT}")
    images: list[LabelledImage] = []
    for label in Label:
        folder = _child(split_folder, label.title)
        found = list(_images_below(folder, data, label)) if folder is not None else []
        if not found:
            raise DataError(f"{split_folder} has no image of class {label.title}; expected {LAYOUT}")
        images += found
    images.sort(key=lambda image: os.fsencode(image.relative))
    manifest = manifest or find_manifest(data)
    return _with_manifest(images, split, manifest) if manifest is not None else images


def find_manifest(data: Path) -> Path | None:
    """The tree's manifest: ``manifest.csv`` in it, or ``NAME.manifest.csv`` in it or beside it."""
    name = data.resolve().name
    beside = data.resolve().parent / f"{name}.manifest.csv"
    for candidate in (data / "manifest.csv", data / f"{name}.manifest.csv", beside):
        if candidate.is_file():
            return candidate
    return None


def divide(images: Iterable[LabelledImage]) -> dict[Role, list[LabelledImage]]:
    """Divide a train split 90/5/5 into fit, select and calibrate by the SHA-256 of the group.

    An image without a group goes by the SHA-256 of its own bytes, so that copies stay together. The division
    depends on nothing else: adding images never moves another one.
    """
    roles: dict[Role, list[LabelledImage]] = {Role.FIT: [], Role.SELECT: [], Role.CALIBRATE: []}
    for image in images:
        if image.group is not None:
            digest = hashlib.sha256(image.group.encode("utf-8", "surrogateescape")).hexdigest()
        else:
            digest = image.sha256 or hashlib.sha256(image.path.read_bytes()).hexdigest()
        bucket = int(digest[:8], 16) % 100
        role = Role.FIT if bucket < 90 else Role.SELECT if bucket < 95 else Role.CALIBRATE
        roles[role].append(image)
    return roles


def only_sources(images: Iterable[LabelledImage], sources: Iterable[str]) -> list[LabelledImage]:
    """The images of the named sources; :class:`DataError` for a source that the data do not have."""
    images, wanted = list(images), set(sources)
    unknown = wanted - {image.source for image in images}
    if unknown:
        have = (
            ", ".join(sorted({image.source for image in images if image.source}))
            or "none: no manifest names any"
        )
        raise DataError(f"no image is of source {', '.join(sorted(unknown))}; sources here: {have}")
    return [image for image in images if image.source in wanted]


def count_by_class(images: Iterable[LabelledImage]) -> dict[str, int]:
    """``{"Real": n, "Fake": m}``."""
    counts = Counter(image.label for image in images)
    return {label.title: counts[label] for label in Label}


def _child(folder: Path, name: str) -> Path | None:
    matches = sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and entry.name.lower() == name.lower()
    )
    if len(matches) > 1:
        raise DataError(f"{folder} has {matches[0].name} and {matches[1].name}: rename one of them")
    return matches[0] if matches else None


def _images_below(folder: Path, data: Path, label: Label) -> Iterator[LabelledImage]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.startswith(".") or Path(name).suffix.lower() not in IMAGE_SUFFIXES:
                continue
            path = Path(parent, name)
            yield LabelledImage(path, path.relative_to(data).as_posix(), label)


def _with_manifest(images: list[LabelledImage], split: str, manifest: Path) -> list[LabelledImage]:
    rows = _read_manifest(manifest)
    described = []
    for image in images:
        row = rows.get(image.relative)
        if row is None:
            described.append(image)
            continue
        if row["label"].strip().lower() != image.label.title.lower():
            raise DataError(
                f"{manifest} calls {image.relative} {row['label'] or 'nothing'}, "
                f"its folder says {image.label.title}"
            )
        if row.get("split", "").strip().lower() not in ("", split.lower()):
            raise DataError(f"{manifest} puts {image.relative} in {row['split']}, its folder says {split}")
        described.append(
            replace(
                image,
                source=row.get("source") or None,
                group=row.get("group") or None,
                sha256=row.get("sha256") or None,
                face=_face(row, manifest),
            )
        )
    return described


FACE_COLUMNS = ("face_x", "face_y", "face_w", "face_h")
"""Columns of a manifest, and of a run's own list."""


def face_columns(face: Box | None) -> tuple[str, ...]:
    """``face`` as the four columns say it."""
    return tuple(f"{value:.1f}" for value in face) if face is not None else ("",) * len(FACE_COLUMNS)


def face_of(row: Mapping[str, str]) -> Box | None:
    """The box in a row; ``ValueError`` where it is none."""
    texts = [row.get(name) or "" for name in FACE_COLUMNS]
    if not any(texts):
        return None
    left, top, width, height = (float(text) for text in texts)
    if not (0 < width < _FAR and 0 < height < _FAR and abs(left) < _FAR and abs(top) < _FAR):
        raise ValueError(f"no box: {', '.join(texts)}")
    return left, top, width, height


_FAR = 1e6
"""Pixels beyond which no box lies."""


def _face(row: Mapping[str, str], manifest: Path) -> Box | None:
    try:
        return face_of(row)
    except ValueError as error:
        raise DataError(f"{manifest}: the face of {row['path']} is not a box in pixels ({error})") from None


def _read_manifest(manifest: Path) -> dict[str, dict[str, str]]:
    """The manifest's rows by path. ``utf-8-sig``: spreadsheets begin a CSV file with a byte-order mark."""
    rows: dict[str, dict[str, str]] = {}
    try:
        with manifest.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = {"path", "label"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(f"{manifest} has no column {', '.join(sorted(missing))}")
            for row in reader:
                if rows.setdefault(row["path"], row) != row:
                    raise DataError(f"{manifest} says two different things about {row['path']}")
    except OSError as error:
        raise DataError(f"manifest {manifest} cannot be read: {error.strerror}") from None
    except csv.Error as error:
        raise DataError(f"manifest {manifest} is not CSV: {error}") from None
    return rows

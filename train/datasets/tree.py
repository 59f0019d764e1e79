"""Labelled data trees, ``{train,validation[,test]}/{Real,Fake}/…``, and the four roles of their images.

No torch: evaluation reads the same trees.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from models.contract import Label
from models.faces.crop import Box
from models.support.errors import DataError
from train.datasets.files import LeftOut, list_split, split_folders, why_left_out
from train.datasets.looks import Look
from train.datasets.manifests import Join, join

LAYOUT = "DATA/{train,validation[,test]}/{Real,Fake}/… (any case)"


class Role(StrEnum):
    """What an image may be used for. The roles are disjoint, and so are their groups."""

    FIT = "fit"
    """Elsewhere the training set."""
    SELECT = "select"
    """Elsewhere the validation set; the folder ``validation/`` is not it."""
    CALIBRATE = "calibrate"
    REPORT = "report"
    """Elsewhere the test set: the folders ``validation/`` and ``test/``."""


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


@dataclass(frozen=True)
class Survey:
    """One split of a tree, and what of it is no image or has no label of its own."""

    images: list[LabelledImage]
    """In byte order of their relative paths."""
    left_out: list[tuple[str, LeftOut]]
    """Relative paths below the class folders, likewise."""
    join: Join | None
    """With the manifest; ``None`` without one."""

    def counts_left_out(self) -> dict[str, int]:
        """By reason."""
        return dict(sorted(Counter(reason.value for _, reason in self.left_out).items()))


class NothingThere(DataError):
    """A tree lacks a split, or a split a class."""


def read_tree(data: Path, split: str, *, manifest: Path | None = None) -> list[LabelledImage]:
    """The images of :func:`survey_tree`."""
    return survey_tree(data, split, manifest=manifest).images


def survey_tree(data: Path, split: str, *, manifest: Path | None = None) -> Survey:
    """Read one split. ``manifest`` defaults to :func:`find_manifest`.

    Raises :class:`DataError` when the layout is wrong, a class has no image, or the manifest contradicts the folders
    or knows none of the files.
    """
    if not data.is_dir():
        raise NothingThere(f"{data} is not a folder; expected {LAYOUT}")
    split_folder = _child(data, split)
    if split_folder is None:
        raise NothingThere(f"{data} has no folder {split!r}; expected {LAYOUT}")
    for label in Label:
        _child(split_folder, label.title)
    listing = list_split(data, split_folder)
    left_out = [(_below(path, data), why) for path, why in listing.left_out]
    images: list[LabelledImage] = []
    for path, label in listing.files:
        if (why := why_left_out(path)) is not None:
            left_out.append((_below(path, data), why))
        else:
            images.append(LabelledImage(path, _below(path, data), label))
    for title, number in count_by_class(images).items():
        if not number:
            raise NothingThere(f"{split_folder} has no image of class {title}; expected {LAYOUT}")
    images.sort(key=lambda image: os.fsencode(image.relative))
    left_out.sort(key=lambda one: os.fsencode(one[0]))
    manifest = manifest or find_manifest(data)
    if manifest is None:
        return Survey(images, left_out, None)
    files = [_below(path, data) for path, _ in listing.files]
    for other in split_folders(data):
        if other != split_folder:
            files += [_below(path, data) for path, _ in list_split(data, other).files]
    rows, joined = join(manifest, data, split, [image.relative for image in images], files)
    return Survey([_described(i, rows.get(i.relative), split, manifest) for i in images], left_out, joined)


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
            digest = image.sha256 or _own_digest(image)
        bucket = int(digest[:8], 16) % 100
        role = Role.FIT if bucket < 90 else Role.SELECT if bucket < 95 else Role.CALIBRATE
        roles[role].append(image)
    return roles


def _own_digest(image: LabelledImage) -> str:
    """Of the bytes; one that cannot be read goes by its name, since whoever decodes it leaves it out anyway."""
    try:
        data = image.path.read_bytes()
    except OSError:
        data = os.fsencode(image.relative)
    return hashlib.sha256(data).hexdigest()


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


def _below(path: Path, data: Path) -> str:
    return path.relative_to(data).as_posix()


def _described(
    image: LabelledImage, row: Mapping[str, str] | None, split: str, manifest: Path
) -> LabelledImage:
    """The image with what its row says."""
    if row is None:
        return image
    if row["label"].strip().lower() != image.label.title.lower():
        raise DataError(
            f"{manifest} calls {image.relative} {row['label'] or 'nothing'}, "
            f"its folder says {image.label.title}"
        )
    if row.get("split", "").strip().lower() not in ("", split.lower()):
        raise DataError(f"{manifest} puts {image.relative} in {row['split']}, its folder says {split}")
    return replace(
        image,
        source=row.get("source") or None,
        group=row.get("group") or None,
        sha256=row.get("sha256") or None,
        face=_face(row, manifest),
    )


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

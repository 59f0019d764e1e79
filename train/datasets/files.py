"""What lies below the class folders of a labelled tree, and which of it are pictures, by the rules of ``scan``.

A ``.scanignore`` is for scans and is not followed here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from models.contract import Label
from models.filetypes import UNSCANNED_FOLDER, MediaKind, classify, kind_by_suffix
from models.first_bytes import NotRegular, first_bytes
from models.support.errors import DataError

SPLITS = ("train", "validation", "test")

_PICTURES = (MediaKind.IMAGE, MediaKind.UNDECODABLE_IMAGE)


class LeftOut(StrEnum):
    """Why something below a class folder is no picture of the tree."""

    NO_PICTURE = "no picture"
    OTHER_MEDIA = "video, document or archive"
    COMPANION = "AppleDouble file"
    SPECIAL = "special file"
    DANGLING_LINK = "dangling link"
    LINKED_FOLDER = "link to a folder that is read elsewhere or holds the tree"
    GIT_FOLDER = ".git folder"
    UNLISTED_FOLDER = "folder that cannot be listed"
    CHANGED = "changed since it was labelled"


@dataclass
class Listing:
    """All files below the class folders of a split, whatever they are."""

    files: list[tuple[Path, Label]] = field(default_factory=list)
    left_out: list[tuple[Path, LeftOut]] = field(default_factory=list)


def list_split(data: Path, split: Path) -> Listing:
    """The files of ``split``, a folder of ``data``. Linked folders are followed, each real folder once.

    A link that leads to another part of the tree, or to a folder that holds the tree, is named and not followed.
    Raises :class:`DataError` when pictures of one folder would be of both classes.
    """
    return _Walk(data).split(split)


def split_folders(data: Path) -> list[Path]:
    """All split folders of a tree, in whatever case."""
    return sorted(entry for entry in data.iterdir() if entry.name.lower() in SPLITS and entry.is_dir())


def class_folders(split: Path) -> list[tuple[Path, Label]]:
    """The class folders of a split, in whatever case; Real first."""
    return [
        (entry, label)
        for label in Label
        for entry in sorted(split.iterdir())
        if entry.name.lower() == label.title.lower() and entry.is_dir()
    ]


def why_left_out(path: Path) -> LeftOut | None:
    """By name and first bytes, as a scan decides; ``None`` for a picture.

    What may be a picture and cannot be opened stays: it is for whoever decodes it to say so.
    """
    by_name = kind_by_suffix(path.name)
    try:
        kind = classify(path.name, first_bytes(str(path)))
    except NotRegular:
        return LeftOut.SPECIAL
    except OSError:
        dangling = path.is_symlink() and not path.exists() and by_name not in _PICTURES
        return LeftOut.DANGLING_LINK if dangling else None
    if kind is MediaKind.COMPANION:
        return LeftOut.COMPANION
    if kind in _PICTURES or by_name in _PICTURES:
        return None
    return LeftOut.OTHER_MEDIA if kind is MediaKind.OTHER_MEDIA else LeftOut.NO_PICTURE


class _Walk:
    """One look at a split; *real* paths have their links resolved."""

    def __init__(self, data: Path) -> None:
        self._tree = {os.path.realpath(split) for split in split_folders(data)}
        self._classes = {
            os.path.realpath(folder) for split in split_folders(data) for folder, _ in class_folders(split)
        }
        self._entered: dict[str, Label] = {}
        self._links: list[tuple[Path, Label]] = []
        self._found = Listing()

    def split(self, split: Path) -> Listing:
        for folder, label in class_folders(split):
            self._below(folder, label)
        # Only now: a link must not take a folder away from the place where it really lies.
        while self._links:
            links, self._links = sorted(self._links, key=lambda link: os.fsencode(link[0])), []
            for link, label in links:
                self._follow(link, label)
        return self._found

    def _follow(self, link: Path, label: Label) -> None:
        real = os.path.realpath(link)
        if Path(real).name == UNSCANNED_FOLDER:
            self._found.left_out.append((link, LeftOut.GIT_FOLDER))
        elif self._is_of_the_tree(real) or not self._is_new(real, link, label):
            self._found.left_out.append((link, LeftOut.LINKED_FOLDER))
        else:
            self._below(link, label)

    def _is_of_the_tree(self, real: str) -> bool:
        return any(
            Path(real).is_relative_to(part) or Path(part).is_relative_to(real) for part in self._tree
        ) or any(Path(real).is_relative_to(part) for part in self._classes)

    def _is_new(self, real: str, folder: Path, label: Label) -> bool:
        before = self._entered.get(real)
        if before not in (None, label):
            raise DataError(
                f"{folder} leads to {real}, whose pictures are in both classes by way of links: remove one"
            )
        return before is None

    def _below(self, top: Path, label: Label) -> None:
        """Everything below one real folder; links are kept for later."""
        real = os.path.realpath(top)
        for parent, folders, files in os.walk(top, onerror=self._unlisted):
            self._entered[_real(real, top, parent)] = label
            self._found.files += [(Path(parent, name), label) for name in files]
            folders[:] = list(self._entered_below(Path(parent), folders, real, top, label))

    def _entered_below(
        self, parent: Path, folders: list[str], real: str, top: Path, label: Label
    ) -> Iterator[str]:
        for name in folders:
            folder = parent / name
            if name == UNSCANNED_FOLDER:
                self._found.left_out.append((folder, LeftOut.GIT_FOLDER))
            elif folder.is_symlink() or getattr(folder, "is_junction", bool)():
                self._links.append((folder, label))
            elif (below := _real(real, top, str(folder))) in self._classes or not self._is_new(
                below, folder, label
            ):
                self._found.left_out.append((folder, LeftOut.LINKED_FOLDER))
            else:
                yield name

    def _unlisted(self, error: OSError) -> None:
        self._found.left_out.append((Path(error.filename), LeftOut.UNLISTED_FOLDER))


def _real(real: str, top: Path, below: str) -> str:
    return os.path.normpath(os.path.join(real, os.path.relpath(below, top)))  # noqa: PTH118

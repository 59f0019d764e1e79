"""Several labelled trees as one set of images."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.errors import DataError
from train.data import LabelledImage, read_tree


@dataclass(frozen=True)
class Trees:
    """The folders of a run, each with a name of its own, and their manifests (``None``: found by the usual names)."""

    folders: tuple[Path, ...]
    manifests: tuple[Path | None, ...]

    @classmethod
    def of(cls, folders: Sequence[Path], manifests: Sequence[Path] = ()) -> Trees:
        """``manifests``: none, or one for each folder in their order. Raises :class:`DataError`."""
        if manifests and len(manifests) != len(folders):
            raise DataError(
                f"{len(manifests)} manifests for {len(folders)} data folders: give one for each, in the same order, "
                "or none"
            )
        names = [folder.resolve().name for folder in folders]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(
                f"two data folders are called {twice[0]}; their images could not be told apart: rename one"
            )
        return cls(tuple(folders), tuple(manifests) or (None,) * len(folders))

    @property
    def name(self) -> str:
        """For reports, such as ``faces-v1+faces-v2``."""
        return "+".join(folder.resolve().name for folder in self.folders)

    def read(self, split: str) -> list[LabelledImage]:
        """The images of one split of every tree, in byte order of their relative paths.

        With several trees the relative paths begin with the tree's name. Raises :class:`DataError`.
        """
        images = [image for number in range(len(self.folders)) for image in self._read(number, split)]
        return sorted(images, key=lambda image: os.fsencode(image.relative))

    def report_role(self) -> list[LabelledImage]:
        """The images that a report will be made on, as far as there are any: a tree may have train alone."""
        images: list[LabelledImage] = []
        for number in range(len(self.folders)):
            for split in ("validation", "test"):
                with contextlib.suppress(DataError):
                    images += self._read(number, split)
        return images

    def _read(self, number: int, split: str) -> list[LabelledImage]:
        folder = self.folders[number]
        images = read_tree(folder, split, manifest=self.manifests[number])
        if len(self.folders) == 1:
            return images
        return [replace(image, relative=f"{folder.resolve().name}/{image.relative}") for image in images]

    def path(self, relative: str) -> Path:
        """Where the image of this relative path lies; :class:`DataError` when its tree is not among these."""
        if len(self.folders) == 1:
            return self.folders[0] / relative
        tree, _, below = relative.partition("/")
        for folder in self.folders:
            if folder.resolve().name == tree:
                return folder / below
        raise DataError(f"the run has images of {tree}, which is not among the data folders given")

"""Several labelled trees as one set of images."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

from models.support.errors import DataError
from train.datasets.tree import LabelledImage, NothingThere, Survey, survey_tree


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
        """The images of :meth:`survey`."""
        return self.survey(split).images

    def survey(self, split: str) -> Survey:
        """One split of every tree, in byte order of the relative paths.

        With several trees the relative paths begin with the tree's name. Raises :class:`DataError`.
        """
        surveys = [self._survey(number, split) for number in range(len(self.folders))]
        joins = [one.join for one in surveys if one.join is not None]
        return Survey(
            sorted((i for one in surveys for i in one.images), key=lambda image: os.fsencode(image.relative)),
            sorted((out for one in surveys for out in one.left_out), key=lambda out: os.fsencode(out[0])),
            reduce(add, joins) if joins else None,
        )

    def report_role(self) -> list[LabelledImage]:
        """The images that a report will be made on, as far as there are any: a tree may have train alone."""
        images: list[LabelledImage] = []
        for number in range(len(self.folders)):
            for split in ("validation", "test"):
                with contextlib.suppress(NothingThere):
                    images += self._survey(number, split).images
        return images

    def _survey(self, number: int, split: str) -> Survey:
        folder = self.folders[number]
        survey = survey_tree(folder, split, manifest=self.manifests[number])
        if len(self.folders) == 1:
            return survey
        name = folder.resolve().name
        return Survey(
            [replace(image, relative=f"{name}/{image.relative}") for image in survey.images],
            [(f"{name}/{relative}", why) for relative, why in survey.left_out],
            survey.join,
        )

    def path(self, relative: str) -> Path:
        """Where the image of this relative path lies; :class:`DataError` when its tree is not among these."""
        if len(self.folders) == 1:
            return self.folders[0] / relative
        tree, _, below = relative.partition("/")
        for folder in self.folders:
            if folder.resolve().name == tree:
                return folder / below
        raise DataError(f"the run has images of {tree}, which is not among the data folders given")

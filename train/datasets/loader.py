"""Batches for the loop. What a sample looks like depends on (seed, epoch, position) alone, never on workers."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from models.contract import Label
from models.faces.crop import Box
from models.preprocessing import to_input
from models.support.errors import DataError
from train.augmentation.augment import augment, training_view
from train.augmentation.degradations import Step
from train.augmentation.hide_and_seek import hide_and_seek
from train.augmentation.random_degradations import degrade
from train.augmentation.same_sharpness import as_soft_as
from train.augmentation.self_blend import self_blend
from train.datasets.decoded_store import Pictures
from train.datasets.faces import law_crop, training_crop
from train.datasets.tree import LabelledImage
from train.recipes import Phase, Recipe


class Batch(NamedTuple):
    """What the loop is fed with."""

    inputs: Tensor
    """``uint8[B, size, size, 3]``; from :mod:`train.fitting.feature_cache`, features."""
    labels: Tensor
    """``float32[B]``."""
    made: int
    """How many of its images were made for it, and not remembered."""
    seconds: float
    """What making them took, summed, wherever it was done."""
    embedding: float = 0.0
    """Seconds that the network's frozen part took for it, in this process."""


_Sample = tuple[Tensor, Tensor, float] | DataError
"""A failure travels as a value: raised inside a worker, its message would come out as a traceback's text."""

_DEGRADED_SEED = 20220418
"""Of the degraded copy that epochs are judged on: every run's copy of an image is the same."""


@dataclass(frozen=True)
class EpochPlan:
    """What decides every sample of an epoch."""

    images: Sequence[LabelledImage]
    order: Sequence[int]
    """Indices into ``images``; what a position is counts in here."""
    recipe: Recipe
    phase: Phase
    seed: int
    epoch: int
    """Counted through all phases, from 0."""


@dataclass(frozen=True)
class WholeView:
    """What of pictures is judged, besides the pictures themselves."""

    degraded: bool = False
    """Copies degraded at random, each time in the same way."""
    condition: Step | None = None
    """Applied to the whole picture, which keeps its size, before a face is cut out."""


AS_THEY_ARE = WholeView()


class _TrainingSamples(Dataset[_Sample]):
    def __init__(self, plan: EpochPlan, pictures: Pictures) -> None:
        self._images, self._order, self._recipe, self._phase = (
            plan.images,
            plan.order,
            plan.recipe,
            plan.phase,
        )
        self._pictures = pictures
        self._seed, self._epoch = plan.seed, plan.epoch
        self._reals = [index for index, image in enumerate(plan.images) if image.label is Label.REAL]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, position: int) -> _Sample:
        started = time.perf_counter()
        image = self._images[self._order[position]]
        rng = self._generator(position)
        try:
            rgb, face = self._picture(position, image, rng)
        except DataError as error:
            return error
        rgb = training_crop(rgb, face, self._recipe.margin, rng)
        if (wanted := self._wanted_sharpness(position, rng)) is not None:
            rgb = as_soft_as(rgb, wanted, rng)
        rgb = augment(rgb, self._recipe, rng)
        view = hide_and_seek(training_view(rgb, self._phase, rng), self._recipe.hide_and_seek, rng)
        pixels = torch.from_numpy(view)
        return pixels, torch.tensor(float(image.label)), time.perf_counter() - started

    def _generator(self, position: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self._entropy(position)))

    def _entropy(self, position: int) -> list[int]:
        """With a fixed number of views per image, an image looks the same wherever it stands in an epoch."""
        views = self._recipe.views
        if views is None:
            return [self._seed, self._epoch, position]
        return [self._seed, self._epoch % views, self._order[position], views]

    def _wanted_sharpness(self, position: int, rng: np.random.Generator) -> float | None:
        """The partner's, for a share of the couples; a self-blended fake has the sharpness of its couple already."""
        share, partner = self._recipe.same_sharpness, position ^ 1
        if not share or partner >= len(self._order) or rng.random() >= share:
            return None
        fake = max(position, partner)
        if self._is_blended(self._images[self._order[fake]], self._generator(fake)):
            return None
        look = self._images[self._order[partner]].look
        return None if look is None else look.sharpness

    def _is_blended(self, image: LabelledImage, rng: np.random.Generator) -> bool:
        """Whether a real image is to take the place of this fake; the first that its generator is asked."""
        share = self._recipe.self_blend
        return image.label is Label.FAKE and bool(share) and bool(rng.random() < share)

    def _picture(
        self, position: int, image: LabelledImage, rng: np.random.Generator
    ) -> tuple[Image.Image, Box | None]:
        """The image itself or, for a share of the fakes, a self-blended real one, and where its face is."""
        if not self._is_blended(image, rng):
            return self._pictures.read(image), image.face
        # In a couple the real image stands before its fake: both then come from one picture. A view, which must
        # not depend on its neighbours, is made from any real image.
        before = self._images[self._order[position - 1]] if position % 2 else None
        if before is None or before.label is not Label.REAL or self._recipe.views is not None:
            before = self._images[int(rng.choice(self._reals))]
        face = before.face if self._recipe.margin is not None else None
        return self_blend(self._pictures.read(before), rng, face), before.face


class _WholeImages(Dataset[_Sample]):
    def __init__(
        self, images: Sequence[LabelledImage], pictures: Pictures, view: WholeView, margin: float | None
    ) -> None:
        self._images, self._pictures, self._view, self._margin = images, pictures, view, margin

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> _Sample:
        started = time.perf_counter()
        image = self._images[index]
        try:
            rgb = self._pictures.read(image)
        except DataError as error:
            return error
        if self._view.condition is not None:
            rgb = self._view.condition(rgb, np.random.default_rng(index))
        rgb = law_crop(rgb, image.face, self._margin)
        if self._view.degraded:
            rgb = degrade(rgb, np.random.default_rng(np.random.SeedSequence([_DEGRADED_SEED, index])))
        pixels = torch.from_numpy(to_input(rgb))
        return pixels, torch.tensor(float(image.label)), time.perf_counter() - started


def training_batches(
    plan: EpochPlan, batches: Sequence[Sequence[int]], pictures: Pictures, *, workers: int
) -> Iterator[Batch]:
    """One batch for each list of positions in the plan's order."""
    yield from _load(_TrainingSamples(plan, pictures), workers, batch_sampler=batches)


def steps_of(order: Sequence[int], batch_size: int, first_step: int = 0) -> list[list[int]]:
    """The positions in ``order`` of each step's batch, from ``first_step`` on."""
    starts = range(first_step * batch_size, len(order), batch_size)
    return [list(range(start, min(start + batch_size, len(order)))) for start in starts]


def whole_batches(
    images: Sequence[LabelledImage],
    pictures: Pictures,
    *,
    batch_size: int,
    workers: int,
    view: WholeView = AS_THEY_ARE,
    margin: float | None = None,
) -> Iterator[Batch]:
    """The law's output, ``uint8[B, 260, 260, 3]``, and labels, in order, without augmentation.

    ``margin``: of the face's square; ``None``: of whole pictures.
    """
    yield from _load(_WholeImages(images, pictures, view, margin), workers, batch_size=batch_size)


def _load(samples: Dataset[_Sample], workers: int, **batching: Any) -> Iterator[Batch]:
    loader = DataLoader(
        samples,
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_leave_signals_to_the_parent,
        # Forked workers see the pictures in memory; from 3.14 on Python's default is another.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        pin_memory=torch.cuda.is_available(),
        # Otherwise each new iterator draws from torch's global generator, and a resumed run, which makes one
        # iterator more, would see other random numbers.
        generator=torch.Generator(),
        **batching,
    )
    for batch in loader:
        if isinstance(batch, DataError):
            raise batch
        yield batch


def _collate(samples: list[_Sample]) -> Any:
    failed = next((sample for sample in samples if isinstance(sample, DataError)), None)
    if failed is not None:
        return failed
    pixels, labels, seconds = zip(*samples, strict=True)
    return Batch(default_collate(pixels), default_collate(labels), len(samples), sum(seconds))


def _leave_signals_to_the_parent(worker: int) -> None:
    # Ctrl-C reaches the whole process group. The run ends after the step that it is in, so its workers must go
    # on; and they must not inherit the parent's way of only noting a SIGTERM, which is how it ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

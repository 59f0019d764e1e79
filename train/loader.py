"""Batches for the loop. What a sample looks like depends on (seed, epoch, position) alone, never on workers."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from models.contract import Label
from models.errors import DataError
from models.preprocessing import ImageError, decode_image, to_input
from train.augment import augment, training_view
from train.data import LabelledImage
from train.random_degradations import degrade
from train.recipes import Phase, Recipe
from train.self_blend import self_blend

_Sample = tuple[Tensor, Tensor] | DataError
"""A failure travels as a value: raised inside a worker, its message would come out as a traceback's text."""


_DEGRADED_SEED = 20220418
"""Of the degraded copy that epochs are judged on: every run's copy of an image is the same."""


class _TrainingSamples(Dataset[_Sample]):
    def __init__(
        self,
        images: Sequence[LabelledImage],
        order: Sequence[int],
        recipe: Recipe,
        phase: Phase,
        seed: int,
        epoch: int,
    ) -> None:
        self._images, self._order, self._recipe, self._phase = images, order, recipe, phase
        self._seed, self._epoch = seed, epoch
        self._reals = [index for index, image in enumerate(images) if image.label is Label.REAL]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, position: int) -> _Sample:
        image = self._images[self._order[position]]
        rng = np.random.default_rng(np.random.SeedSequence([self._seed, self._epoch, position]))
        try:
            rgb = augment(self._picture(position, image, rng), self._recipe, rng)
        except DataError as error:
            return error
        return torch.from_numpy(training_view(rgb, self._phase, rng)), torch.tensor(float(image.label))

    def _picture(self, position: int, image: LabelledImage, rng: np.random.Generator) -> Image.Image:
        """The image itself or, for a share of the fakes, a self-blended real one."""
        if (
            image.label is Label.REAL
            or not self._recipe.self_blend
            or rng.random() >= self._recipe.self_blend
        ):
            return read_rgb(image)
        # In a couple the real image stands before its fake: both then come from one picture.
        before = self._images[self._order[position - 1]] if position % 2 else None
        if before is None or before.label is not Label.REAL:
            before = self._images[int(rng.choice(self._reals))]
        return self_blend(read_rgb(before), rng)


class _WholeImages(Dataset[_Sample]):
    def __init__(self, images: Sequence[LabelledImage], *, degraded: bool) -> None:
        self._images, self._degraded = images, degraded

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> _Sample:
        image = self._images[index]
        try:
            rgb = read_rgb(image)
        except DataError as error:
            return error
        if self._degraded:
            rgb = degrade(rgb, np.random.default_rng(np.random.SeedSequence([_DEGRADED_SEED, index])))
        return torch.from_numpy(to_input(rgb)), torch.tensor(float(image.label))


def read_rgb(image: LabelledImage) -> Image.Image:
    """The upright RGB picture of a labelled image; :class:`DataError` names the file if it cannot be had."""
    try:
        return decode_image(image.path.read_bytes()).rgb
    except (OSError, ImageError) as error:
        raise DataError(f"{image.path} could be read before training and no longer: {error}") from None


def training_batches(
    images: Sequence[LabelledImage],
    order: Sequence[int],
    recipe: Recipe,
    phase: Phase,
    *,
    seed: int,
    epoch: int,
    first_step: int,
    workers: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches ``uint8[B, size, size, 3]`` and labels ``float32[B]`` of one epoch, from ``first_step`` on."""
    samples = _TrainingSamples(images, order, recipe, phase, seed, epoch)
    size = recipe.batch_size
    batches = [list(range(i, min(i + size, len(order)))) for i in range(first_step * size, len(order), size)]
    yield from _load(samples, workers, batch_sampler=batches)


def whole_batches(
    images: Sequence[LabelledImage], *, batch_size: int, workers: int, degraded: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """The law's output, ``uint8[B, 260, 260, 3]``, and labels, in order, without augmentation.

    ``degraded``: of pictures degraded at random, each time in the same way.
    """
    yield from _load(_WholeImages(images, degraded=degraded), workers, batch_size=batch_size)


def _load(samples: Dataset[_Sample], workers: int, **batching: Any) -> Iterator[tuple[Tensor, Tensor]]:
    loader = DataLoader(
        samples,
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_leave_signals_to_the_parent,
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
    return failed if failed is not None else default_collate(samples)


def _leave_signals_to_the_parent(worker: int) -> None:
    # Ctrl-C reaches the whole process group. The run ends after the step that it is in, so its workers must go
    # on; and they must not inherit the parent's way of only noting a SIGTERM, which is how it ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

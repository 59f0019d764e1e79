"""Batches for the loop. What a sample looks like depends on (seed, epoch, position) alone, never on workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from models.errors import DataError
from models.preprocessing import ImageError, decode_image, to_input
from train.augment import augment, training_view
from train.data import LabelledImage
from train.recipes import Phase, Recipe


class _TrainingSamples(Dataset[tuple[Tensor, Tensor]]):
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

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        image = self._images[self._order[position]]
        rng = np.random.default_rng(np.random.SeedSequence([self._seed, self._epoch, position]))
        rgb = augment(read_rgb(image), self._recipe, rng)
        return torch.from_numpy(training_view(rgb, self._phase, rng)), torch.tensor(float(image.label))


class _WholeImages(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, images: Sequence[LabelledImage]) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self._images[index]
        return torch.from_numpy(to_input(read_rgb(image))), torch.tensor(float(image.label))


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
    loader = DataLoader(
        samples,
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        generator=_own_generator(),
    )
    yield from loader


def whole_batches(
    images: Sequence[LabelledImage], *, batch_size: int, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The law's output, ``uint8[B, 260, 260, 3]``, and labels, in order, without augmentation."""
    loader = DataLoader(
        _WholeImages(images),
        batch_size=batch_size,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        generator=_own_generator(),
    )
    yield from loader


def _own_generator() -> torch.Generator:
    # Otherwise each new iterator draws from torch's global generator, and a resumed run, which makes one
    # iterator more, would see other random numbers.
    return torch.Generator()

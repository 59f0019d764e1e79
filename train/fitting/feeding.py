"""What an epoch's steps are fed with: pixels or, where a phase remembers them, features of its frozen blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from models.support.machine import available_memory
from train.datasets.decoded_store import Pictures
from train.datasets.loader import Batch, EpochPlan, steps_of, training_batches
from train.fitting import freezing
from train.fitting.feature_cache import FrozenFeatures
from train.fitting.forward import Forward
from train.recipes import Phase, Recipe

_SHARE_OF_MEMORY = 0.5
"""Of what is available, for the features of frozen blocks."""


@dataclass
class Feed:
    """Batches of a run, epoch by epoch."""

    forward: Forward
    pictures: Pictures
    workers: int
    note: Callable[[str], None]
    _features: FrozenFeatures | None = field(default=None, init=False)
    """Of :attr:`_features_of`; ``None`` when that phase has nothing to remember."""
    _features_of: Phase | None = field(default=None, init=False)

    @property
    def start(self) -> int | None:
        """From which block on the network computes what the batches hold; ``None``: they hold pixels."""
        return None if self._features is None else self._features.start

    def batches(self, plan: EpochPlan, first_step: int) -> Iterator[Batch]:
        """What is left of an epoch."""

        def load(positions: Sequence[Sequence[int]]) -> Iterator[Batch]:
            return training_batches(plan, positions, self.pictures, workers=self.workers)

        steps = steps_of(plan.order, plan.recipe.batch_size, first_step)
        if self._features_of is not plan.phase:
            self._features = self._new_features(plan.recipe, plan.phase, len(plan.images))
            self._features_of = plan.phase
        if self._features is None:
            return load(steps)
        labels = [float(image.label) for image in plan.images]
        return self._features.batches(plan.order, steps, labels, plan.epoch, load)

    def _new_features(self, recipe: Recipe, phase: Phase, images: int) -> FrozenFeatures | None:
        """A memory for the phase, if its images come back unchanged and something before its first block is frozen."""
        start = freezing.first_trainable(self.forward.network, phase)
        if recipe.views is None or start == 0:
            return None
        # Bit for bit the same after an interruption is what a CPU promises, and CUDA does not.
        at_once = 1 if self.forward.device.type == "cpu" else recipe.batch_size
        embed = partial(self.forward.features, start=start)
        features = FrozenFeatures(start, images, recipe.views, embed, at_once=at_once)
        needed = features.needed_bytes(torch.zeros((1, phase.size, phase.size, 3), dtype=torch.uint8))
        room = available_memory()
        if room is not None and needed > _SHARE_OF_MEMORY * room:
            self.note(
                f"note: the frozen blocks are computed in every epoch: remembering what they give for "
                f"{images} images in {recipe.views} views takes {needed / 2**30:.1f} GiB, and "
                f"{room / 2**30:.1f} GiB of memory are available"
            )
            return None
        return features


def timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch with the seconds that one waited for it."""
    while True:
        asked = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.monotonic() - asked

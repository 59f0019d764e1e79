"""What the blocks that a phase leaves frozen make of each picture, computed once and then remembered.

A frozen block is in eval mode and never changes, so the same pixels always give the same features. With a recipe's
``views`` an image has that many augmented variants in all, and an epoch whose variants have been seen needs neither
the pictures nor the frozen part of the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from models.backbones.backbone import Network
from train.datasets.loader import Batch


class Tail(nn.Module):
    """The part of the network behind its frozen beginning; the modules are the network's own."""

    def __init__(self, network: Network, start: int) -> None:
        """``start``: the first block that is part of it, as :meth:`Network.blocks` counts them."""
        super().__init__()
        self._blocks = [block for _, block in network.blocks()][start:-1]
        self._network = [network]  # in a list, so that it does not become a submodule

    def forward(self, features: Tensor) -> Tensor:
        """Logits ``float[N, 1]``."""
        network = self._network[0]
        if not self._blocks:  # behind the pooling already
            logits: Tensor = network.classifier(features)
            return logits
        for block in self._blocks:
            features = block(features)
        logits = network.classifier(network.pooled(features))
        return logits


def head(network: Network, start: int, batch: Tensor) -> Tensor:
    """The features that :class:`Tail` from ``start`` takes; pooled ones, ``float[N, width]``, before the classifier."""
    features = batch
    named = list(network.blocks())
    for _, block in named[: min(start, len(named) - 1)]:
        features = block(features)
    if start == len(named) - 1:
        features = network.pooled(features)
    return features


class FrozenFeatures:
    """The memory of one phase, filled as the epochs go by.

    Not part of a checkpoint: a resumed run computes again what it needs, to the same numbers.
    """

    def __init__(
        self, start: int, images: int, views: int, embed: Callable[[Tensor], Tensor], *, at_once: int = 1
    ) -> None:
        """``embed`` gives the features of pixels ``uint8[B, size, size, 3]``, ``at_once`` images at a time.

        One by one, what an image gives does not depend, by a bit, on which others were missing beside it.
        """
        self.start = start
        self._images, self._views, self._embed, self._at_once = images, views, embed, at_once
        self._known = torch.zeros(images * views, dtype=torch.bool)
        self._memory: Tensor | None = None

    def needed_bytes(self, example: Tensor) -> int:
        """What the whole memory takes, going by the features of one example of pixels."""
        one = self._embed(example)
        return one[0].numel() * 4 * self._images * self._views

    def batches(
        self,
        order: Sequence[int],
        steps: Sequence[Sequence[int]],
        labels: Sequence[float],
        epoch: int,
        load: Callable[[Sequence[Sequence[int]]], Iterator[Batch]],
    ) -> Iterator[Batch]:
        """A batch of features for each of ``steps`` (lists of positions in ``order``).

        ``load`` gives the pixels for lists of positions; it is asked only for what is not known yet. ``labels``
        are those of all images.
        """
        view = epoch % self._views
        missing, coming = [], set()
        for positions in steps:
            new = []
            for position in positions:
                index = order[position]
                if index not in coming and not self._known[self._slot(index, view)]:
                    coming.add(index)
                    new.append(position)
            missing.append(new)
        loaded = load([new for new in missing if new])
        for positions, new in zip(steps, missing, strict=True):
            made, seconds, embedding = 0, 0.0, 0.0
            if new:
                batch = next(loaded)
                started = time.monotonic()
                self._remember([order[position] for position in new], view, batch.inputs)
                made, seconds, embedding = batch.made, batch.seconds, time.monotonic() - started
            indices = [order[position] for position in positions]
            slots = torch.tensor([self._slot(index, view) for index in indices])
            assert self._memory is not None
            truth = torch.tensor([labels[index] for index in indices])
            yield Batch(self._memory[slots], truth, made, seconds, embedding)

    def _slot(self, index: int, view: int) -> int:
        return index * self._views + view

    def _remember(self, indices: Sequence[int], view: int, pixels: Tensor) -> None:
        slots = torch.tensor([self._slot(index, view) for index in indices])
        for some, where in zip(
            torch.split(pixels, self._at_once), torch.split(slots, self._at_once), strict=True
        ):
            features = self._embed(some).float().cpu()
            if self._memory is None:
                self._memory = torch.empty((len(self._known), *features.shape[1:]))
            self._memory[where] = features
            self._known[where] = True

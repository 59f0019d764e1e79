"""Labelled data trees for the precision variants: images to calibrate on, images to measure on."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.contract import InputSpec, Label
from models.preprocessing import MAX_PIXELS, ImageError
from models.preprocessing.laws import law_of
from models.support.errors import DataError
from train.datasets.tree import LabelledImage, Role, divide, read_tree

if TYPE_CHECKING:
    from scanner import Detector

MEASURED_SPLIT = "validation"

MIN_OF_A_CLASS = 50
"""A source with fewer real or fewer fake images gets no AUC of its own: one pair would move it too far."""


@dataclass(frozen=True)
class QuantizationSample:
    """Images that show which range each activation has."""

    pixels: npt.NDArray[np.uint8]
    """``uint8[N, 260, 260, 3]``."""
    data: str
    unreadable: int
    """Images that were drawn and could not be decoded; others took their places."""


@dataclass(frozen=True)
class Difference:
    """One set of images scored by the reference and by the variant."""

    images: int
    auc_reference: float
    auc: float
    delta_auc: float
    """``auc - auc_reference``: negative when the variant is worse."""
    max_abs_delta_p: float
    mean_abs_delta_p: float


@dataclass(frozen=True)
class VariantComparison:
    """What a variant costs, measured on one device."""

    data: str
    device: str
    runtime: str
    """The library that computed, with its version."""
    all: Difference
    sources: dict[str, Difference]
    """By source of the manifest, where each class has at least :data:`MIN_OF_A_CLASS` images."""
    not_scored: int
    """Images that the reference could not score; they are in no figure."""
    lost: int
    """Images that only the variant could not score (its numbers were not finite)."""


def quantization_sample(
    data: Path, count: int, spec: InputSpec | None = None, *, seed: int = 0
) -> QuantizationSample:
    """``count`` images of role fit of ``data``'s train split, each by the law of ``spec``, its largest face first.

    Half of them are real, half fake, and within a class the manifest's sources take turns. Raises
    :class:`DataError` when a class has too few.
    """
    spec = spec or InputSpec()
    law, shape = law_of(spec), (spec.size, spec.size, 3)
    fit = divide(read_tree(data, "train"))[Role.FIT]
    pixels: list[npt.NDArray[np.uint8]] = []
    unreadable = 0
    for label in Label:
        wanted = (count + label) // 2
        found = 0
        for image in _in_turns([image for image in fit if image.label is label], seed):
            if found == wanted:
                break
            try:
                first = law.of_file(image.path.read_bytes(), spec, MAX_PIXELS).crops[0]
                pixels.append(np.frombuffer(first.pixels, np.uint8).reshape(shape))
            except (ImageError, OSError):
                unreadable += 1
            else:
                found += 1
        if found < wanted:
            raise DataError(
                f"{data} has {found} usable {label.title} images of role fit, --calibration-images {count} wants "
                f"{wanted}; give a smaller number or more images"
            )
    return QuantizationSample(np.stack(pixels), _name(data), unreadable)


def compare(reference: Path, variant: Path, data: Path, device: str) -> VariantComparison:
    """Score ``data``'s validation split with both files and compare.

    Probabilities are those that a report prints, so the AUC is the one of ``scan-evaluate``. Raises
    :class:`models.support.errors.Failure`.
    """
    from scanner import Detector
    from train.evaluation.scoring import score

    images = read_tree(data, MEASURED_SPLIT)
    loaded = [Detector.load(file, device) for file in (reference, variant)]
    before, after = ([one.prob_fake for one in score(images, detector)] for detector in loaded)
    both = [
        (image, p, q)
        for image, p, q in zip(images, before, after, strict=True)
        if p is not None and q is not None
    ]
    groups: dict[str, list[tuple[LabelledImage, float, float]]] = {}
    for one in both:
        if one[0].source is not None:
            groups.setdefault(one[0].source, []).append(one)
    whole = _difference(both)
    if whole is None:
        raise DataError(f"{data}: the images of {MEASURED_SPLIT} that can be scored are not of both classes")
    sources = {name: _difference(group, MIN_OF_A_CLASS) for name, group in sorted(groups.items())}
    return VariantComparison(
        data=f"{_name(data)}, {MEASURED_SPLIT}",
        device=_device(loaded),
        runtime=loaded[1].runtime,
        all=whole,
        sources={name: difference for name, difference in sources.items() if difference is not None},
        not_scored=sum(p is None for p in before),
        lost=sum(p is not None and q is None for p, q in zip(before, after, strict=True)),
    )


def _difference(
    scored: Sequence[tuple[LabelledImage, float, float]], of_a_class: int = 1
) -> Difference | None:
    """``None`` with fewer than ``of_a_class`` images of one class."""
    from sklearn.metrics import roc_auc_score

    labels = np.array([int(image.label) for image, _, _ in scored], dtype=np.int64)
    if min((labels == label).sum() for label in Label) < of_a_class:
        return None
    p, q = (np.array([one[column] for one in scored]) for column in (1, 2))
    reference, ours = float(roc_auc_score(labels, p)), float(roc_auc_score(labels, q))
    gaps = np.abs(p - q)
    return Difference(
        len(labels),
        reference,
        ours,
        ours - reference,
        round(float(gaps.max()), 6),
        round(float(gaps.mean()), 6),
    )


def _in_turns(images: Iterable[LabelledImage], seed: int) -> Iterator[LabelledImage]:
    """Every image once, in an order that the seed draws, one source after the other."""
    by_source: dict[str, list[LabelledImage]] = {}
    for image in images:
        by_source.setdefault(image.source or "", []).append(image)
    generator = random.Random(seed)
    queues = [generator.sample(group, len(group)) for _, group in sorted(by_source.items())]
    while queues:
        queues = [queue for queue in queues if queue]
        for queue in queues:
            yield queue.pop()


def _device(detectors: Sequence[Detector]) -> str:
    used = sorted({f"{one.device} ({one.provider})" for one in detectors})
    return ", ".join(used)


def _name(data: Path) -> str:
    """The folder's name: metadata travel, paths do not."""
    from train.evaluation.subject import as_text

    return as_text(data.resolve().name)

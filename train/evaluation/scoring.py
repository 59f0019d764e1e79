"""Scores of labelled images, by the scanner: the same code, law and rounding that a report has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.contract import PROB_DECIMALS
from train.datasets.tree import LabelledImage

if TYPE_CHECKING:
    from scanner import Detector, FileResult


@dataclass(frozen=True)
class ScoredImage:
    """One image of the tree and what the scanner said of it."""

    image: LabelledImage
    status: str
    """``ok``, ``error`` or ``skipped``."""
    error: str | None
    """A code of the report's closed list; ``None`` when the image was scored."""
    prob_fake: float | None
    """As a report prints it, with 6 decimals; ``None`` when the image could not be scored."""
    faces: int = 1
    """How many it is the largest score of; 1 with a model of whole pictures."""


def score(
    images: Sequence[LabelledImage],
    detector: Detector,
    *,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Iterator[ScoredImage]:
    """Score images in their order, one result for each of them."""
    from scanner import decode_path, scan_files

    results = scan_files([image.path for image in images], detector, workers=workers, batch_size=batch_size)
    for image, result in zip(images, results, strict=True):
        # A score on the wrong file is the one mistake that no figure below would show.
        if Path(os.fsdecode(decode_path(result.path))) != image.path:
            raise RuntimeError(f"the scanner answered for {result.path!r} when asked for {image.path}")
        yield scored(image, result)


def scored(image: LabelledImage, result: FileResult) -> ScoredImage:
    """What a scan's result says about an image, its probability rounded as the report prints it.

    A verdict is computed from the printed probability, so the figures are too: an AUC taken from a report's
    CSV is the same number.
    """
    prob = result.prob_fake if result.status == "ok" else None
    return ScoredImage(
        image=image,
        status=str(result.status),
        error=str(result.error) if result.error is not None else None,
        prob_fake=printed(prob) if prob is not None else None,
        faces=max(1, len(result.findings)),
    )


def printed(prob_fake: float) -> float:
    """A probability as a report prints it."""
    return float(f"{prob_fake:.{PROB_DECIMALS}f}")

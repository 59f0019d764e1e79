"""The same images once more under each degradation: does the threshold still mean what it meant?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.contract import InputSpec
from models.preprocessing import DRAFT_SIZE, MAX_PIXELS, ImageError
from models.preprocessing.v1 import decode_reduced
from models.support.machine import usable_cores
from train.datasets.tree import LabelledImage
from train.evaluation.bootstrap import Interval
from train.evaluation.comparison import Difference, compare
from train.evaluation.protocol import ChosenThreshold, measure
from train.evaluation.robustness_grid import Degradation
from train.evaluation.scoring import ScoredImage, printed

if TYPE_CHECKING:
    from scanner import Detector

CLEAN = "clean"
_IN_FULL = (MAX_PIXELS, MAX_PIXELS)
"""No picture is larger, so none is reduced."""
FIGURES = ("roc_auc", "fpr", "tpr")
"""What is reported of each condition; FPR and TPR at the threshold in force."""


@dataclass(frozen=True)
class Condition:
    """One row of the robustness table."""

    name: str
    values: dict[str, float | None]
    intervals: dict[str, Interval | None]
    by_source: dict[str, dict[str, float | None]]
    """The same figures of each source, without intervals."""
    not_scored: int
    change: Difference | None = None
    """Of the AUC from the clean condition, on the images that have a score under both; ``None`` for the clean one."""


def clean_condition(
    scored: Sequence[ScoredImage], threshold: ChosenThreshold, *, resamples: int, seed: int
) -> Condition:
    """The row that the others are compared with."""
    return _condition(CLEAN, scored, threshold, resamples, seed)


def conditions(
    grid: Sequence[Degradation],
    score: Callable[[Degradation], Iterable[ScoredImage]],
    clean: Sequence[ScoredImage],
    threshold: ChosenThreshold,
    *,
    resamples: int,
    seed: int,
) -> Iterator[Condition]:
    """Measure each degradation of ``grid`` in turn; ``score`` is :func:`score_degraded` of the images that ``clean``
    has the scores of, and a detector.

    The threshold stays where it is: a user does not know how a picture was treated.
    """
    for degradation in grid:
        scored = list(score(degradation))
        row = _condition(degradation.name, scored, threshold, resamples, seed)
        differences = compare(scored, clean, threshold, threshold, resamples=resamples, seed=seed)
        yield replace(row, change=differences.figures["roc_auc"])


def score_degraded(
    images: Sequence[LabelledImage],
    detector: Detector,
    degradation: Degradation,
    *,
    workers: int | None = None,
    done: Callable[[int], object] = lambda count: None,
) -> Iterator[ScoredImage]:
    """Score degraded images in their order; one that does not decode has no score, as in a scan.

    ``done(n)`` is told of every n scored images.
    """
    size = 64 if detector.on_gpu else 1
    chunks = [images[start : start + size] for start in range(0, len(images), size)]

    def run(chunk: Sequence[LabelledImage]) -> list[ScoredImage]:
        return _score_chunk(chunk, detector, degradation)

    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        for scored in pool.map(run, chunks):
            done(len(scored))
            yield from scored


def _score_chunk(
    chunk: Sequence[LabelledImage], detector: Detector, degradation: Degradation
) -> list[ScoredImage]:
    spec = detector.spec
    shape = (spec.size, spec.size, 3)
    pixels: list[npt.NDArray[np.uint8]] = []
    places: list[int] = []
    result: list[ScoredImage] = []
    for image in chunk:
        try:
            crops = degradation.crops(_picture(image, spec), spec, _generator(image))
        except ImageError as error:
            result.append(ScoredImage(image, error.code.status.value, error.code.value, None))
            continue
        except OSError:
            result.append(ScoredImage(image, "error", "read_failed", None))
            continue
        pixels += [np.frombuffer(crop.pixels, np.uint8).reshape(shape) for crop in crops]
        places += [len(result)] * len(crops)
        result.append(ScoredImage(image, "ok", None, None, len(crops)))
    for place, probability in zip(places, _probabilities(detector, pixels), strict=True):
        best = result[place].prob_fake
        if best is None or printed(probability) > best:
            result[place] = replace(result[place], prob_fake=printed(probability))
    return result


def _probabilities(detector: Detector, pixels: Sequence[npt.NDArray[np.uint8]]) -> Iterator[float]:
    """One by one on a CPU, as a scan scores them there."""
    size = len(pixels) if detector.on_gpu else 1
    for start in range(0, len(pixels), max(1, size)):
        yield from map(float, detector.score(np.stack(pixels[start : start + size])).prob_fake)


def _condition(
    name: str, scored: Sequence[ScoredImage], threshold: ChosenThreshold, resamples: int, seed: int
) -> Condition:
    whole = measure("all", scored, threshold, resamples=resamples, seed=seed)
    values = whole.metrics.as_dict()
    sources = sorted({one.image.source for one in scored if one.image.source is not None})
    by_source = {}
    for source in sources:
        part = [one for one in scored if one.image.source == source]
        figures = measure(source, part, threshold, resamples=0, seed=seed).metrics.as_dict()
        by_source[source] = {figure: figures[figure] for figure in FIGURES}
    return Condition(
        name,
        {figure: values[figure] for figure in FIGURES},
        {figure: whole.intervals[figure] for figure in FIGURES},
        by_source,
        sum(whole.not_scored.values()),
    )


def _picture(image: LabelledImage, spec: InputSpec) -> Image.Image:
    """Decoded as the law of whole pictures does, or in full, as faces are cut from it."""
    draft = DRAFT_SIZE if spec.margin is None else _IN_FULL
    return decode_reduced(image.path.read_bytes(), draft, MAX_PIXELS).rgb


def _generator(image: LabelledImage) -> np.random.Generator:
    # By the image's own name: neither workers nor the other images change its noise.
    digest = hashlib.sha256(os.fsencode(image.relative)).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))

"""Does the score of a real picture depend on how sharp it is?

A detector that reads sharpness flags a whole camera or a whole messenger, whatever the picture shows. Among real
pictures the score should not know it; the rank correlation says how far it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.stats import rankdata

from models.contract import InputSpec, Label
from models.preprocessing import MAX_PIXELS, ImageError
from models.preprocessing.laws import law_of
from models.support.machine import usable_cores
from train.datasets import looks
from train.evaluation.bootstrap import Interval, group_index, interval, resample_weights
from train.evaluation.metrics import Float64s

if TYPE_CHECKING:
    from train.evaluation.scoring import ScoredImage

LEAST_IMAGES = 10
"""Fewer real pictures than this order themselves by chance."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's, of the sharpness and ``prob_fake`` of real pictures."""

    images: int
    value: float | None
    """``None`` for fewer than :data:`LEAST_IMAGES`, or where all are equally sharp or have one score."""
    interval: Interval | None


@dataclass(frozen=True)
class Sharpness:
    """Of all real pictures with a score, and of each source that has :data:`LEAST_IMAGES` of them."""

    overall: RankCorrelation
    by_source: dict[str, RankCorrelation]


def measure(
    scored: Sequence[ScoredImage],
    spec: InputSpec,
    *,
    resamples: int,
    seed: int = 0,
    workers: int | None = None,
) -> Sharpness:
    """Correlate ``prob_fake`` with the sharpness of what the model was given; of several faces, the largest one's.

    Sharpness is that of :class:`train.datasets.looks.Look`. Intervals resample whole groups.
    """
    reals = [one for one in scored if one.image.label is Label.REAL and one.prob_fake is not None]
    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        sharp = pool.map(lambda one: sharpness(one, spec), reals)
        known = [(one, value) for one, value in zip(reals, sharp, strict=True) if value is not None]

    def correlation(part: Sequence[tuple[ScoredImage, float]]) -> RankCorrelation:
        values = np.array([[value, one.prob_fake] for one, value in part], dtype=np.float64).reshape(-1, 2)
        groups = [one.image.group for one, _ in part]
        return spearman(values[:, 0], values[:, 1], groups, resamples=resamples, seed=seed)

    sources = sorted({one.image.source for one, _ in known if one.image.source is not None})
    parts = {name: [pair for pair in known if pair[0].image.source == name] for name in sources}
    return Sharpness(
        correlation(known),
        {name: correlation(part) for name, part in parts.items() if len(part) >= LEAST_IMAGES},
    )


def sharpness(one: ScoredImage, spec: InputSpec) -> float | None:
    """Of a picture, as log2; ``None`` if it cannot be read any more."""
    try:
        data = one.image.path.read_bytes()
        crop = law_of(spec).of_file(data, spec, MAX_PIXELS).crops[0]
    except (OSError, ImageError):  # it was there when it was scored
        return None
    judged = Image.frombytes("RGB", (spec.size, spec.size), crop.pixels)
    return looks.measure(judged, file_bytes=len(data), pixels=spec.size * spec.size).sharpness


def spearman(
    first: Float64s, second: Float64s, groups: Sequence[str | None], *, resamples: int, seed: int = 0
) -> RankCorrelation:
    """Rank correlation of two float64[N], ties by their mean rank, with its interval over resampled groups."""
    count = len(first)
    value = _rank_correlation(first, second) if count >= LEAST_IMAGES else np.nan
    if np.isnan(value):
        return RankCorrelation(count, None, None)
    index = group_index(groups)
    if resamples < 1 or len(np.unique(index)) < 2:
        return RankCorrelation(count, value, None)
    places = np.arange(count)
    drawn = (
        np.repeat(places, weights.astype(np.int64))
        for block in resample_weights(index, resamples, seed)
        for weights in block
    )
    values = np.array([_rank_correlation(first[rows], second[rows]) for rows in drawn])
    return RankCorrelation(count, value, interval(values))


def _rank_correlation(first: Float64s, second: Float64s) -> float:
    """NaN where a side does not vary."""
    ranks = np.stack([rankdata(first), rankdata(second)])
    if not ranks.std(axis=1).all():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])

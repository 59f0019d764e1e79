"""How often real images of a source are flagged that had no part in the threshold: what a new kind of pictures meets.

Each source is left out in turn: the others' real images choose the default threshold, as a calibration chooses it, and
the source's own are held against it. That takes the scores alone; the thresholds that a model brings play no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.contract import Label
from train.evaluation.bootstrap import Interval, interval, resample_weights
from train.evaluation.exact import clopper_pearson
from train.evaluation.metrics import Float64s
from train.evaluation.scoring import ScoredImage
from train.fitting.temperature import DEFAULT_FROM, FALSE_POSITIVE_RATES
from train.fitting.thresholds import MOST_FACES, by_faces, groups_of_reals

RATE = FALSE_POSITIVE_RATES[DEFAULT_FROM]
"""At most this share of the others' real images is flagged, as with a model's default."""


@dataclass(frozen=True)
class SourceRate:
    """Of one source."""

    real: int
    flagged: int
    value: float
    interval: Interval
    """Of Clopper and Pearson, as if each image were independent."""
    threshold: float
    """For one face, chosen on the others."""
    chosen_on: int
    """How many real images these have."""


@dataclass(frozen=True)
class Rate:
    """Over all sources; the interval draws whole sources, since they differ by more than their images do."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class HeldOut:
    """Every source with real images, and what they say together."""

    by_source: Mapping[str, SourceRate]
    pooled: Rate
    """Share of all real images."""
    of_a_source: Rate
    """Mean of the sources' shares, each counting the same."""


def measure(scored: Sequence[ScoredImage], *, resamples: int, seed: int) -> HeldOut | None:
    """``None`` where fewer than two sources have real images with a score."""
    reals = [one for one in scored if one.prob_fake is not None and one.image.label is Label.REAL]
    sources = np.array([one.image.source or "" for one in reals])
    names = [str(name) for name in np.unique(sources) if name]
    if len(names) < 2:
        return None
    probs = np.array([one.prob_fake for one in reals], dtype=np.float64)
    faces = np.minimum([one.faces for one in reals], MOST_FACES)
    found = {name: _left_out(probs, faces, sources, name) for name in names}
    flagged, counts = (
        np.array([getattr(one, of) for one in found.values()], dtype=np.float64) for of in ("flagged", "real")
    )
    blocks = list(resample_weights(np.arange(len(names)), resamples, seed)) if resamples else []
    pooled = [draws @ flagged / (draws @ counts) for draws in blocks]
    of_a_source = [draws @ (flagged / counts) / len(names) for draws in blocks]
    return HeldOut(
        found,
        Rate(float(flagged.sum() / counts.sum()), interval(np.concatenate(pooled)) if pooled else None),
        Rate(
            float((flagged / counts).mean()), interval(np.concatenate(of_a_source)) if of_a_source else None
        ),
    )


def _left_out(
    probs: Float64s, faces: np.typing.NDArray[np.int64], sources: np.typing.NDArray[np.str_], name: str
) -> SourceRate:
    own = sources == name
    others = ~own
    labels = np.full(int(others.sum()), int(Label.REAL))
    thresholds = np.array(
        list(by_faces(groups_of_reals(labels, sources[others].tolist(), probs[others]), RATE))
    )
    real, flagged = int(own.sum()), int((probs[own] >= thresholds[faces[own] - 1]).sum())
    return SourceRate(
        real=real,
        flagged=flagged,
        value=flagged / real,
        interval=Interval(*clopper_pearson(flagged, real), undefined=0),
        threshold=float(thresholds[0]),
        chosen_on=int(others.sum()),
    )

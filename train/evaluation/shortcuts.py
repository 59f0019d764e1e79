"""What could be known of an image's class without looking at the face: the shortcut probe.

If a logistic regression on the file's size, its quantisation tables, its colours and its sharpness tells Real from
Fake, a detector can have learnt that instead, and its figures on these data say little about others. The probe's AUC
belongs beside the model's.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from models.contract import Label
from models.preprocessing import ImageError, decode_image, to_input
from models.support.machine import usable_cores
from train.datasets.tree import LabelledImage
from train.evaluation.bootstrap import group_index

FOLDS = 5
FEATURES = (
    "log bytes",
    "log pixels",
    "aspect",
    "bytes per pixel",
    "mean luma quantisation",
    "mean chroma quantisation",
    "saturation",
    "brightness",
    "contrast",
    "high-frequency energy",
)

_HIGH = 0.5
"""Share of the Nyquist frequency above which energy counts as high."""


@dataclass(frozen=True)
class Probe:
    """How far the features alone tell the classes apart, by cross-validation over groups."""

    auc: float | None
    """``None`` when there are too few groups of a class for the folds."""
    images: int
    weights: dict[str, float]
    """Standardised coefficients of a fit on everything; positive = Fake."""
    by_source: dict[str, float | None] = field(default_factory=dict)
    """The AUC within each source of both classes, fitted and tried on that source alone."""


def probe(images: Sequence[LabelledImage], *, seed: int = 0, workers: int | None = None) -> Probe:
    """Cross-validated AUC of a logistic regression on :data:`FEATURES`; groups are never split by a fold.

    Images that do not decode are left out.
    """
    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        rows = list(pool.map(features, images))
    kept = [(image, row) for image, row in zip(images, rows, strict=True) if row is not None]
    labels = np.array([int(image.label) for image, _ in kept], dtype=np.int64)
    groups = group_index([image.group for image, _ in kept])
    table = np.stack([row for _, row in kept]) if kept else np.empty((0, len(FEATURES)))
    sources = np.array([image.source or "" for image, _ in kept])
    by_source = {}
    for name in np.unique(sources[sources != ""]):
        here = sources == name
        if len(np.unique(labels[here])) == len(Label):
            by_source[str(name)] = _cross_validated(table[here], labels[here], groups[here], seed)
    auc = _cross_validated(table, labels, groups, seed)
    if auc is None:
        return Probe(None, len(kept), {}, by_source)
    fitted = _model().fit(table, labels)
    weights = dict(zip(FEATURES, fitted[-1].coef_[0].tolist(), strict=True))
    return Probe(auc, len(kept), weights, by_source)


def _model() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def _cross_validated(
    table: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    seed: int,
) -> float | None:
    """``None`` when there are too few groups of a class for the folds."""
    if min((len(np.unique(groups[labels == label])) for label in Label), default=0) < FOLDS:
        return None
    model, scores = _model(), np.empty(len(labels))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for fit, held_out in folds.split(table, labels, groups):
        model.fit(table[fit], labels[fit])
        scores[held_out] = model.decision_function(table[held_out])
    return float(roc_auc_score(labels, scores))


def features(image: LabelledImage) -> npt.NDArray[np.float64] | None:
    """float64[10] in the order of :data:`FEATURES`; ``None`` when the image does not decode."""
    try:
        data = image.path.read_bytes()
        decoded = decode_image(data)
    except (OSError, ImageError):
        return None
    facts = decoded.facts
    pixels = facts.width * facts.height
    luma_table, chroma_table = _quantisation(data)
    values = to_input(decoded.rgb).astype(np.float64) / 255.0
    luma = values @ np.array([0.299, 0.587, 0.114])
    return np.array(
        [
            math.log(len(data)),
            math.log(pixels),
            facts.width / facts.height,
            len(data) / pixels,
            luma_table,
            chroma_table,
            float((values.max(axis=2) - values.min(axis=2)).mean()),
            float(luma.mean()),
            float(luma.std()),
            _high_frequencies(luma),
        ]
    )


def _quantisation(data: bytes) -> tuple[float, float]:
    """Means of the first and the last quantisation table of a JPEG; 0 and 0 for anything else."""
    if not data.startswith(b"\xff\xd8"):
        return 0.0, 0.0
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        tables = getattr(image, "quantization", None)
    if not tables:
        return 0.0, 0.0
    means = [float(np.mean(tables[number])) for number in sorted(tables)]
    return means[0], means[-1]


def _high_frequencies(luma: npt.NDArray[np.float64]) -> float:
    """Logarithm of the share of the spectrum's energy (without the mean) above :data:`_HIGH`."""
    spectrum = np.abs(np.fft.fft2(luma - luma.mean())) ** 2
    frequencies = np.abs(np.fft.fftfreq(luma.shape[0])) * 2
    high = np.maximum.outer(frequencies, frequencies) > _HIGH
    return math.log((spectrum[high].sum() + 1e-12) / (spectrum.sum() + 1e-12))

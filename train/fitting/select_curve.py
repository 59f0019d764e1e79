"""How each source of the select role does, epoch by epoch: the pooled figure hides the sources that matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.contract import Label
from train.datasets.tree import LabelledImage


@dataclass(frozen=True)
class SourceRow:
    """One line of select_sources.csv."""

    source: str
    real: int
    """Images of the source; 0: its fakes were judged against all real ones."""
    fake: int
    auc: float | None
    """``None`` for a source without fakes."""
    real_above_half: float | None
    """Share of the source's real images whose logit is above 0; ``None`` for a source without any."""


def source_rows(
    images: Sequence[LabelledImage], labels: npt.NDArray[np.int64], logits: npt.NDArray[np.float64]
) -> list[SourceRow]:
    """One row for each source by name; ``labels`` and ``logits`` are those of ``images``."""
    from sklearn.metrics import roc_auc_score

    names = np.array([image.source or "" for image in images])
    is_real = labels == Label.REAL
    rows = []
    for name in sorted(set(names)):
        own = names == name
        fakes, reals = own & ~is_real, own & is_real
        against = reals if reals.any() else is_real
        judged = fakes | against
        auc = None
        if fakes.any() and against.any():
            auc = round(float(roc_auc_score(labels[judged], logits[judged])), 6)
        above = round(float((logits[reals] > 0).mean()), 6) if reals.any() else None
        rows.append(SourceRow(str(name), int(reals.sum()), int(fakes.sum()), auc, above))
    return rows

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.contract import Label
from train.datasets.tree import LabelledImage
from train.fitting.select_curve import SourceRow, source_rows


def test_each_source_is_judged_against_its_own_reals_or_else_against_all() -> None:
    facts = [
        ("a", 0, -1.0),
        ("a", 1, 1.0),
        ("gan", 1, 0.0),
        ("gan", 1, 3.0),
        ("press", 0, 0.5),
        ("press", 0, -2.0),
    ]
    images = [LabelledImage(Path("x"), "x", Label(label), source) for source, label, _ in facts]
    labels, logits = (np.array([fact[n] for fact in facts]) for n in (1, 2))
    assert source_rows(images, labels, logits.astype(float)) == [
        SourceRow("a", 1, 1, 1.0, 0.0),
        SourceRow("gan", 0, 2, round(5 / 6, 6), None),
        SourceRow("press", 2, 0, None, 0.5),
    ]

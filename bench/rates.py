"""Counted things as a rate with its interval."""

from __future__ import annotations

from train.evaluation.exact import clopper_pearson


def as_rate(hits: int, total: int) -> str:
    """``3 of 100, 3.0 % [0.6, 8.5]``; of nothing, a dash."""
    if not total:
        return "–"
    low, high = clopper_pearson(hits, total)
    return f"{hits} of {total}, {100 * hits / total:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"

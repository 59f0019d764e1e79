"""Where a score came from, as far as the model's graph says it."""

from __future__ import annotations

from typing import NamedTuple

Grid = tuple[tuple[float, ...], ...]
"""Rows of cells, from the top left: what each adds to the logit, which is their mean and a constant of the model."""


class HeatMap(NamedTuple):
    """Of one finding, over its region."""

    grid: Grid | None
    """``None``: it was asked for and could not be made."""
    why: str = ""
    """It could not be."""

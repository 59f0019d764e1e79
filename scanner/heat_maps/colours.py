"""The one scale of colours of all heat maps: signed, and the same for every picture, model and run.

A scale that follows each picture's own largest cell would show a score of 0.02 like one of 0.99.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from scanner.results.heat_map import Grid

if TYPE_CHECKING:
    from PIL import Image

FULL = 40.0
"""The cell's share of the logit from which its colour is full; beyond, it gets no stronger."""
FAKE, REAL = (214, 39, 40), (33, 102, 172)
"""What raises the logit is red, what lowers it is blue."""
MOST_OPAQUE = 178
"""Of 255: the picture stays visible beneath a full colour."""
WORDS = "where this model's score came from; not where the picture was changed"
LEGEND = f"red: towards fake, blue: towards real; full colour from {FULL:g} of logit"


def rgba(value: float) -> tuple[int, int, int, int]:
    """Colour and opacity of a cell; 0 is clear."""
    strength = min(1.0, abs(value) / FULL)
    return (*(FAKE if value > 0 else REAL), round(MOST_OPAQUE * strength))


def cells(grid: Grid) -> Image.Image:
    """One pixel for each cell, RGBA."""
    from PIL import Image

    image = Image.new("RGBA", (len(grid[0]), len(grid)))
    image.putdata([rgba(value) for row in grid for value in row])
    return image


def cells_uri(grid: Grid) -> str:
    """The same as a ``data:`` URI of a PNG, for pages."""
    out = io.BytesIO()
    cells(grid).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")

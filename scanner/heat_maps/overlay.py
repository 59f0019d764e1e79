"""A heat map over the picture that it is of, as a PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from models.contract import PROB_DECIMALS
from scanner.heat_maps.colours import FULL, LEGEND, WORDS, cells, rgba
from scanner.results.heat_map import Grid

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

EDGE = 520
"""Of the picture in the overlay, in pixels."""
_BELOW = 84
_LINE = (255, 255, 255, 70)
_PAPER, _INK = (255, 255, 255), (0, 0, 0)


def overlay(pixels: bytes, size: int, grid: Grid, logit: float, prob_fake: float) -> bytes:
    """PNG of ``uint8[size, size, 3]``, as the model saw it, under the map's cells; the scale and the words stand below.

    The same for the same input and version of Pillow.
    """
    from PIL import Image, ImageDraw

    picture = Image.frombytes("RGB", (size, size), pixels).resize((EDGE, EDGE), Image.Resampling.BILINEAR)
    heat = cells(grid).resize((EDGE, EDGE), Image.Resampling.NEAREST)
    lines = Image.new("RGBA", (EDGE, EDGE))
    _draw_grid(ImageDraw.Draw(lines), grid)
    seen = Image.alpha_composite(Image.alpha_composite(picture.convert("RGBA"), heat), lines)
    page = Image.new("RGB", (EDGE, EDGE + _BELOW), _PAPER)
    page.paste(seen.convert("RGB"))
    _draw_legend(page, f"logit {logit:.3f}, prob_fake {prob_fake:.{PROB_DECIMALS}f}")
    out = io.BytesIO()
    page.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _draw_grid(draw: ImageDraw.ImageDraw, grid: Grid) -> None:
    for count, is_column in ((len(grid[0]), True), (len(grid), False)):
        for number in range(1, count):
            at = round(number * EDGE / count)
            draw.line([(at, 0), (at, EDGE)] if is_column else [(0, at), (EDGE, at)], fill=_LINE)


def _draw_legend(page: Image.Image, score: str) -> None:
    from PIL import Image, ImageDraw, ImageFont

    small, left, right, top = ImageFont.load_default(13), 40, EDGE - 40, EDGE + 8
    bar = Image.new("RGBA", (right - left, 12), (*_PAPER, 255))
    tint = Image.new("RGBA", bar.size)
    step = 2 * FULL / (bar.width - 1)
    tint.putdata([rgba(-FULL + step * x) for x in range(bar.width)] * bar.height)
    page.paste(Image.alpha_composite(bar, tint).convert("RGB"), (left, top))
    draw = ImageDraw.Draw(page)
    middle = EDGE // 2
    for at, text, anchor in ((left - 4, f"-{FULL:g}", "rm"), (right + 4, f"+{FULL:g}", "lm")):
        draw.text((at, top + 6), text, _INK, small, anchor)
    draw.line([(middle, top), (middle, top + 11)], _INK)
    for line, words in enumerate((WORDS, LEGEND, score)):
        draw.text((middle, top + 24 + 20 * line), words, _INK, small, "mm")

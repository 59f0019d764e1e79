"""Heat maps on the HTML page: over the shown pictures, at the key H. A page without them is as it was before."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from scanner.heat_maps.colours import LEGEND, WORDS, cells_uri
from scanner.results import FileResult, Finding, Region

_PAGE = Path(__file__).with_name("page")


def has_heat_maps(results: Iterable[FileResult]) -> bool:
    """Whether one was asked for, of any of these files."""
    return any(one.heat_map is not None for result in results for one in result.findings)


def script() -> str:
    return (_PAGE / "heat_maps.js").read_text(encoding="utf-8")


def style() -> str:
    return (_PAGE / "heat_maps.css").read_text(encoding="utf-8")


def note() -> str:
    """How to see them, and what they are."""
    button = '<button id="heat" aria-pressed="false">H: heat maps</button>'
    return f'<p class="note">{button} <strong>{html.escape(WORDS)}</strong> ({html.escape(LEGEND)})</p>'


def cover(finding: Finding, region: Region | None = None) -> str:
    """The cells, laid over what surrounds them, or over ``region`` of it."""
    if finding.heat_map is None or finding.heat_map.grid is None:
        return ""
    grid = finding.heat_map.grid
    at = Region() if region is None else region
    place = (
        f"left:{at.left:.2%};top:{at.top:.2%};width:{at.right - at.left:.2%};height:{at.bottom - at.top:.2%}"
    )
    cells = f"--cells:url({cells_uri(grid)});--columns:{len(grid[0])};--rows:{len(grid)}"
    return f'<span class="heat" aria-hidden="true" style="{place};{cells}"></span>'


def missing(finding: Finding | None) -> str:
    """Words for a map that was asked for and could not be made."""
    if finding is None or finding.heat_map is None or finding.heat_map.grid is not None:
        return ""
    return f"no heat map: {finding.heat_map.why}"

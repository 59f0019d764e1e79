"""The options of ``scan`` that draw where scores came from."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli_options import group

heat_map_options = group(
    click.option(
        "--heatmaps",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Draw where scores came from: overlays go to DIR, the grid to JSON Lines, both to the HTML page (key H).",
    ),
    click.option(
        "--heatmaps-for",
        type=click.Choice(["fake", "inconclusive", "all"]),
        default="fake",
        show_default=True,
        help="Draw them for fake, for inconclusive or fake, or for all that have a score.",
    ),
)

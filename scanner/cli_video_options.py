"""The options of ``scan`` that say which frames are looked at, in files that have several."""

from __future__ import annotations

import click

from scanner.cli_options import group

video_options = group(
    click.option(
        "--frames",
        type=click.Choice(["first", "all"]),
        default="first",
        show_default=True,
        help="Of animations and pages (GIF, APNG, WebP, AVIF, TIFF), score the first or all.",
    ),
    click.option(
        "--max-frames",
        type=click.IntRange(1, 100_000),
        help="With --frames all: no more than the first of them.  [default: 100]",
    ),
    click.option(
        "--video",
        type=click.Choice(["off", "sample"]),
        default="off",
        show_default=True,
        help="Score frames of films; needs the extra [video].",
    ),
    click.option(
        "--video-bursts",
        type=click.IntRange(1, 1000),
        help="Bursts of four frames in a second, spread evenly over a film.  [default: 8]",
    ),
    click.option(
        "--max-video-seconds",
        type=click.FloatRange(0, min_open=True),
        help="Sample no more than the first seconds of a film.  [default: all of it]",
    ),
)

"""The options of ``scan`` that say which frames are looked at, in files that have several."""

from __future__ import annotations

import click

from scanner.cli_options import group

video_options = group(
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

"""The options of ``scan`` that say which faces are judged; a model of whole pictures is refused with any of them."""

from __future__ import annotations

import click

from scanner.cli_options import group

face_options = group(
    click.option(
        "--faces", is_flag=True, help="Insist on faces: a model that judges whole pictures is refused."
    ),
    click.option(
        "--no-face",
        type=click.Choice(["skip", "whole"]),
        help="Without a face to score, skip a picture or score it whole.  [default: skip]",
    ),
    click.option(
        "--min-face",
        # Smaller ones no model was trained on.
        type=click.IntRange(48),
        help="Pixels of a face's longer side from which it is scored.  [default: 48]",
    ),
    click.option(
        "--max-faces",
        type=click.IntRange(1, 4096),
        help="Faces of a picture that are scored, the largest first.  [default: 64]",
    ),
)

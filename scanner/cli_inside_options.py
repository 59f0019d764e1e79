"""The options of ``scan`` that say which files are looked into."""

from __future__ import annotations

import click

from scanner.cli_options import group

inside_options = group(
    click.option(
        "--archives",
        is_flag=True,
        help="Look into zip, tar and 7z (extra [7z]): a row for each picture in them.",
    ),
    click.option(
        "--documents",
        is_flag=True,
        help="Look at the pictures in PDF (extra [documents]), .docx, .xlsx, .pptx, .odt and .epub.",
    ),
)

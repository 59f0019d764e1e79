"""The option of ``scan`` about what files say of their own origin."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli_options import group

provenance_options = group(
    click.option(
        "--trust-list",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Certificates (PEM) of whom C2PA manifests may be trusted from; needs the extra [c2pa].",
    ),
)

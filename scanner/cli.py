"""``scan``: the command. :mod:`scanner.cli_options` declares its options, :mod:`scanner.wiring` does what they say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click

from models.support import terminal
from models.support.errors import run_command
from models.support.loading import frozen
from models.support.parameter_source import is_typed
from scanner import (
    cli_face_options,
    cli_heat_map_options,
    cli_inside_options,
    cli_options,
    cli_provenance_options,
    cli_video_options,
)
from scanner.options import Options
from scanner.settings.origins import ConfiguredCommand, manifest_facts, note, settle_opposites

EPILOG = """\b
Options: command line > SCAN_… variable > pyproject.toml > setup.cfg > default

\b
Exit codes
  0    everything was audited and nothing matches --fail-on
  1    at least one file matches --fail-on
  2    the audit is not complete or could not run (outranks 1)
  130  interrupted
"""


@click.command(
    cls=ConfiguredCommand,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SCAN"},
)
@click.argument("paths", nargs=-1, type=click.Path(), metavar="PATH…")
@cli_options.report_options
@cli_heat_map_options.heat_map_options
@cli_options.input_options
@cli_options.model_options
@cli_face_options.face_options
@cli_video_options.video_options
@cli_inside_options.inside_options
@cli_provenance_options.provenance_options
@cli_options.limit_options
@cli_options.memory_options
@cli_options.exit_options
@cli_options.terminal_options
@cli_options.other_options
@click.pass_context
def scan(context: click.Context, /, **values: Any) -> int:
    """Find the deepfakes among images: every file below PATH… gets one row with its probability of being fake.

    PATH is a file, a folder or a glob. prob_fake is a probability with a measured error rate, not a finding of
    guilt.
    """
    settle_opposites(context, values, "quiet", "verbose")
    options = Options(**values)
    if options.explain_config:
        return _explain(context, options)
    if options.verify is not None:
        return _verify(options.verify, options)
    _check_usage(context, options)
    return _loaded()(options, configuration=manifest_facts(context), note=note(context))


@cache
def _loaded() -> Callable[..., int]:
    """:func:`scanner.wiring.run`; options are looked at before what it needs is loaded."""
    with frozen():
        from scanner.wiring import run

    return run


def _explain(context: click.Context, options: Options) -> int:
    if options.verify is not None:
        raise click.UsageError("--explain-config and --verify each do one thing; leave one out")
    from scanner.settings.explain import explain

    click.echo("\n".join(explain(context)))
    return 0


def _verify(manifest: Path, options: Options) -> int:
    if options.paths or options.outs:
        raise click.UsageError("--verify scans nothing; leave out PATH and --out")
    from scanner.verify import verify

    return verify(
        manifest,
        files=options.files,
        model=options.model,
        say=lambda line: terminal.say(terminal.visible(line)),
    )


def _check_usage(context: click.Context, options: Options) -> None:
    """Raises ``UsageError`` for options of a scan that do not fit together."""
    if options.files:
        raise click.UsageError("--files says what --verify looks at; there is no --verify")
    if not options.outs:
        raise click.UsageError("name a report: --out report.csv")
    if not options.paths and options.files_from is None:
        raise click.UsageError("name something to scan: PATH… or --files-from FILE")
    if is_typed(context, "null") and options.files_from is None:
        raise click.UsageError("-0 says how --files-from is written; there is no --files-from")
    if is_typed(context, "heatmaps_for") and options.heatmaps is None:
        raise click.UsageError("--heatmaps-for says which files get heat maps; there is no --heatmaps")
    if not all(options.outs):
        raise click.UsageError("--out is empty; name a file, or - for standard output")


def main() -> None:
    """Entry point of ``scan``."""
    run_command(scan)

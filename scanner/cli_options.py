"""Every option of ``scan``, as Click declares it: name, type, default and help, in the order of ``--help``.

What is done with a value beside scanning stands in :mod:`scanner.options`, by the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from scanner.reports.format_names import SUFFIXES, shown_suffixes

_Command = TypeVar("_Command", bound=Callable[..., Any])


def group(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """One decorator for all of them, in the order of ``--help``."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from scanner.version import version_text

    click.echo(version_text())
    context.exit()


def _batch_size(context: click.Context, parameter: click.Parameter, value: Any) -> int | None:
    """``None`` for ``auto``."""
    if value == "auto":
        return None
    number: int = click.IntRange(1).convert(value, parameter, context)
    return number


report_options = group(
    click.option(
        "-o",
        "--out",
        "outs",
        type=click.Path(),
        multiple=True,
        # One report for all scans of an environment would be written over by each of them.
        allow_from_autoenv=False,
        help=f"Report, in the format of its suffix: {shown_suffixes()}; - is standard output; repeatable.",
    ),
    click.option(
        "--format",
        multiple=True,
        type=click.Choice(list(SUFFIXES)),
        help="Format of each --out, in their order, in place of the suffix.",
    ),
    click.option("--no-thumbnails", is_flag=True, help="No pictures in an HTML report."),
    click.option(
        "--redact-paths",
        is_flag=True,
        help="Number the files in reports and manifest in place of naming them; terminal and log keep the names.",
    ),
    click.option(
        "--manifest",
        type=click.Path(path_type=Path),
        help="Run manifest.  [default: NAME.run.json beside the report]",
    ),
)
"""Where results go, and in which format."""

input_options = group(
    click.option(
        "--files-from",
        type=click.File("rb"),
        metavar="FILE",
        help="Scan the files named in FILE, one a line; - reads standard input.",
    ),
    click.option(
        "-0", "--null", is_flag=True, help="Names in --files-from end with NUL, not with a line end."
    ),
    click.option(
        "--media-only",
        is_flag=True,
        help="No row for named files that are no media, as in a folder: for lists of whatever changed.",
    ),
    click.option(
        "--recursive/--no-recursive", default=True, help="Enter the folders below PATH.  [default: yes]"
    ),
    click.option(
        "--follow-symlinks",
        is_flag=True,
        help="Enter linked folders below PATH too; each real file is scanned once.",
    ),
    click.option(
        "--include", multiple=True, metavar="GLOB", help="Of folders, scan only matching files; repeatable."
    ),
    click.option(
        "--exclude", multiple=True, metavar="GLOB", help="Leave out matching files and folders; repeatable."
    ),
    click.option(
        "--no-scanignore",
        is_flag=True,
        help="Scan what .scanignore files (syntax of .gitignore) in the folders leave out, too.",
    ),
    click.option(
        "--force-exclude",
        is_flag=True,
        help="Leave out files that are named, too, if --exclude or .scanignore says so; their row is skipped.",
    ),
)
"""Which files are scanned."""

model_options = group(
    click.option(
        "--model",
        type=click.Path(path_type=Path),
        help="Exported model, or the name of shipped weights.  [default: the shipped weights]",
    ),
    click.option(
        "--threshold",
        metavar="P|fpr1|fpr5",
        help="Call an image fake from this prob_fake up.  [default: the model's]",
    ),
    click.option(
        "--device",
        default="auto",
        metavar="auto|cpu|openvino|cuda[:N]|tensorrt[:N]",
        show_default=True,
        help="Where to run; only auto may fall back.",
    ),
    click.option(
        "--batch-size",
        metavar="auto|N",
        callback=_batch_size,
        default="auto",
        show_default=True,
        help="Images per inference; auto: 1 on CPU, up to 64 on a GPU, as many as it holds.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Decoding processes, and inference threads on CPU.  [default: the usable cores]",
    ),
)
"""What scores them, and where it runs."""

limit_options = group(
    click.option(
        "--max-pixels",
        type=click.IntRange(1),
        help="Width × height above which a file is an error.  [default: 178,956,970]",
    ),
    click.option(
        "--max-bytes",
        type=click.IntRange(1),
        help="Size above which a file is an error.  [default: 1 GiB]",
    ),
    click.option(
        "--max-decode-seconds",
        type=click.FloatRange(0, min_open=True),
        help="CPU time that decoding a file may take; twice that on the clock.  [default: 60]",
    ),
    click.option(
        "--max-decode-mib",
        type=click.IntRange(64),
        help="Memory that decoding a file may take.  [default: 4096]",
    ),
)
"""What one file may cost."""

memory_options = group(
    click.option(
        "--restart",
        is_flag=True,
        help="Begin anew, even if a scan into the same report was cut off and could be continued.",
    ),
    click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Keep results in DIR and take them from there; scans may share it.",
    ),
    click.option(
        "--cache-mib",
        type=click.IntRange(1),
        default=512,
        show_default=True,
        help="Size to which the cache is held.",
    ),
    click.option(
        "--rehash", is_flag=True, help="Read every file, even if size, times and inode are unchanged."
    ),
)
"""Results of earlier scans."""

exit_options = group(
    click.option(
        "--max-errors",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Files that may fail before the exit code is 2.",
    ),
    click.option("--strict", is_flag=True, help="Count skipped media (video, PDF, archives) as errors."),
    click.option(
        "--fail-on",
        type=click.Choice(["fake", "inconclusive", "declared", "never"]),
        default="fake",
        show_default=True,
        help="Exit 1 on fake, on inconclusive or fake, on declared (by the file) generated or fake, or never.",
    ),
    click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        metavar="REPORT",
        help="An earlier CSV report: its findings, known by their SHA-256, are marked and fail nothing.",
    ),
    click.option(
        "--sarif-known",
        is_flag=True,
        help="Keep what the baseline knows in SARIF reports; code scanning shows it as open alerts.",
    ),
    click.option("--exit-zero", is_flag=True, help="Exit 0 where --fail-on would exit 1."),
    click.option("--allow-empty", is_flag=True, help="Finding nothing to scan is no error."),
)
"""What decides the exit code."""

terminal_options = group(
    click.option("--list-skipped", is_flag=True, help="List on standard error the files that get no row."),
    click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
    click.option("-v", "--verbose", is_flag=True, help="Also say why each file could not be scored."),
    click.option(
        "--log-file",
        type=click.Path(path_type=Path),
        help="Append a log, with the reason of each failure.",
    ),
    click.option("--no-progress", is_flag=True, help="No progress bar."),
)
"""What a person sees, and the log."""

other_options = group(
    click.option(
        "--verify",
        type=click.Path(path_type=Path),
        metavar="MANIFEST",
        allow_from_autoenv=False,
        help="Scan nothing; check the reports and the model against a run manifest.",
    ),
    click.option(
        "--files",
        is_flag=True,
        allow_from_autoenv=False,
        help="With --verify: check every scanned file, too.",
    ),
    click.option(
        "--config",
        type=click.Path(),
        metavar="FILE",
        expose_value=False,
        help="Take options from FILE alone.  [default: the nearest pyproject.toml or setup.cfg with a section]",
    ),
    click.option("--no-config", is_flag=True, expose_value=False, help="Take no options from files."),
    click.option(
        "--explain-config",
        is_flag=True,
        allow_from_autoenv=False,
        help="Scan nothing; print each option's value and where it comes from.",
    ),
    click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        # SCAN_VERSION may be another tool's variable; it must not end every scan.
        allow_from_autoenv=False,
        callback=_print_version,
        help="Versions, providers, the shipped model's hash and licence.",
    ),
)
"""What to do in place of a scan, and where options come from."""

"""``scan``: the command line. It only wires; :mod:`scanner.audit` does the run."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from models.support import terminal
from models.support.errors import run_command
from models.support.parameter_source import is_typed
from scanner.settings.origins import ConfiguredCommand, settle_opposites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.sources import Operand

EPILOG = """\b
Options: command line > SCAN_… variable > pyproject.toml > setup.cfg > default

\b
Exit codes
  0    everything was audited and nothing matches --fail-on
  1    at least one file matches --fail-on
  2    the audit is not complete or could not run (outranks 1)
  130  interrupted
"""


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


@click.command(
    cls=ConfiguredCommand,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SCAN"},
)
@click.argument("paths", nargs=-1, type=click.Path(), metavar="PATH…")
@click.option(
    "-o",
    "--out",
    "outs",
    type=click.Path(),
    multiple=True,
    # A file that every scan of an environment writes over is nobody's wish.
    allow_from_autoenv=False,
    help="Report, in the format of its suffix: .csv, .jsonl, .parquet, .sarif, .xml (JUnit), .html; "
    "- is standard output; repeatable.",
)
@click.option(
    "--format",
    multiple=True,
    type=click.Choice(["csv", "jsonl", "parquet", "sarif", "junit", "html"]),
    help="Format of each --out, in their order, in place of the suffix.",
)
@click.option("--no-thumbnails", is_flag=True, help="No pictures in an HTML report.")
@click.option(
    "--redact-paths",
    is_flag=True,
    help="Number the files in reports and manifest in place of naming them; terminal and log keep the names.",
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    default=None,
    help="Run manifest.  [default: NAME.run.json beside the report]",
)
@click.option(
    "--files-from",
    type=click.File("rb"),
    metavar="FILE",
    default=None,
    help="Scan the files named in FILE, one a line; - reads standard input.",
)
@click.option("-0", "--null", is_flag=True, help="Names in --files-from end with NUL, not with a line end.")
@click.option(
    "--media-only",
    is_flag=True,
    help="No row for named files that are no media, as in a folder: for lists of whatever changed.",
)
@click.option(
    "--recursive/--no-recursive", default=True, help="Enter the folders below PATH.  [default: yes]"
)
@click.option(
    "--follow-symlinks",
    is_flag=True,
    help="Enter linked folders below PATH too; each real file is scanned once.",
)
@click.option(
    "--include", multiple=True, metavar="GLOB", help="Of folders, scan only matching files; repeatable."
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out matching files and folders; repeatable."
)
@click.option(
    "--no-scanignore",
    is_flag=True,
    help="Scan what .scanignore files (syntax of .gitignore) in the folders leave out, too.",
)
@click.option(
    "--force-exclude",
    is_flag=True,
    help="Leave out files that are named, too, if --exclude or .scanignore says so; their row is skipped.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=None,
    help="Exported model.  [default: the shipped weights]",
)
@click.option(
    "--threshold",
    default=None,
    metavar="P|fpr1|fpr5",
    help="Call an image fake from this prob_fake up.  [default: the model's]",
)
@click.option(
    "--device",
    default="auto",
    metavar="auto|cpu|openvino|cuda[:N]|tensorrt[:N]",
    show_default=True,
    help="Where to run; only auto may fall back.",
)
@click.option(
    "--batch-size",
    metavar="auto|N",
    callback=_batch_size,
    default="auto",
    show_default=True,
    help="Images per inference; auto: 1 on CPU, up to 64 on a GPU, as many as it holds.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=None,
    help="Decoding processes, and inference threads on CPU.  [default: the usable cores]",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=None,
    help="Width × height above which a file is an error.  [default: 178,956,970]",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(1),
    default=None,
    help="Size above which a file is an error.  [default: 1 GiB]",
)
@click.option(
    "--max-decode-seconds",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="CPU time that decoding a file may take; twice that on the clock.  [default: 60]",
)
@click.option(
    "--max-decode-mib",
    type=click.IntRange(64),
    default=None,
    help="Memory that decoding a file may take.  [default: 4096]",
)
@click.option(
    "--restart",
    is_flag=True,
    help="Begin anew, even if a scan into the same report was cut off and could be continued.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    default=None,
    help="Keep results in DIR and take them from there; scans may share it.",
)
@click.option(
    "--cache-mib",
    type=click.IntRange(1),
    default=512,
    show_default=True,
    help="Size to which the cache is held.",
)
@click.option("--rehash", is_flag=True, help="Read every file, even if size, times and inode are unchanged.")
@click.option(
    "--max-errors",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Files that may fail before the exit code is 2.",
)
@click.option("--strict", is_flag=True, help="Count skipped media (video, PDF, archives) as errors.")
@click.option(
    "--fail-on",
    type=click.Choice(["fake", "inconclusive", "never"]),
    default="fake",
    show_default=True,
    help="Exit 1 on fake, on inconclusive or fake, or never.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="REPORT",
    default=None,
    help="An earlier CSV report: its findings, known by their SHA-256, are marked and fail nothing.",
)
@click.option(
    "--sarif-known",
    is_flag=True,
    help="Keep what the baseline knows in SARIF reports; code scanning shows it as open alerts.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 where --fail-on would exit 1.")
@click.option("--allow-empty", is_flag=True, help="Finding nothing to scan is no error.")
@click.option("--list-skipped", is_flag=True, help="List on standard error the files that get no row.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Also say why each file could not be scored.")
@click.option(
    "--log-file",
    type=click.Path(path_type=Path),
    default=None,
    help="Append a log, with the reason of each failure.",
)
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option(
    "--verify",
    type=click.Path(path_type=Path),
    metavar="MANIFEST",
    default=None,
    allow_from_autoenv=False,
    help="Scan nothing; check the reports and the model against a run manifest.",
)
@click.option(
    "--files",
    is_flag=True,
    allow_from_autoenv=False,
    help="With --verify: check every scanned file, too.",
)
@click.option(
    "--config",
    type=click.Path(),
    metavar="FILE",
    expose_value=False,
    help="Take options from FILE alone.  [default: the nearest pyproject.toml or setup.cfg with a section]",
)
@click.option("--no-config", is_flag=True, expose_value=False, help="Take no options from files.")
@click.option(
    "--explain-config",
    is_flag=True,
    allow_from_autoenv=False,
    help="Scan nothing; print each option's value and where it comes from.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    # SCAN_VERSION in the environment of a job names somebody's version; it must not stop every scan.
    allow_from_autoenv=False,
    callback=_print_version,
    help="Versions, providers, the shipped model's hash and licence.",
)
def scan(**options: Any) -> int:
    """Find the deepfakes among images: every file below PATH… gets one row with its probability of being fake.

    PATH is a file, a folder or a glob. prob_fake is a probability with a measured error rate, not a finding of
    guilt.
    """
    context = click.get_current_context()
    settle_opposites(context, options, "quiet", "verbose")
    if options.pop("explain_config"):
        if options["verify"] is not None:
            raise click.UsageError("--explain-config and --verify each do one thing; leave one out")
        from scanner.settings.explain import explain

        click.echo("\n".join(explain(context)))
        return 0
    _check_usage(context, options)
    manifest, files = options.pop("verify"), options.pop("files")
    if manifest is not None:
        from scanner.verify import verify

        return verify(
            manifest,
            files=files,
            model=options["model"],
            say=lambda line: terminal.say(terminal.visible(line)),
        )
    return _run(**options)


def _check_usage(context: click.Context, options: dict[str, Any]) -> None:
    if options["verify"] is not None:
        if options["paths"] or options["outs"]:
            raise click.UsageError("--verify scans nothing; leave out PATH and --out")
        return
    if options["files"]:
        raise click.UsageError("--files says what --verify looks at; there is no --verify")
    if not options["outs"]:
        raise click.UsageError("name a report: --out report.csv")
    if not options["paths"] and options["files_from"] is None:
        raise click.UsageError("name something to scan: PATH… or --files-from FILE")
    if is_typed(context, "null") and options["files_from"] is None:
        raise click.UsageError("-0 says how --files-from is written; there is no --files-from")
    if not all(options["outs"]):
        raise click.UsageError("--out is empty; name a file, or - for standard output")


def _run(
    *, paths: tuple[str, ...], outs: tuple[str, ...], format: tuple[str, ...], no_thumbnails: bool,
    redact_paths: bool, manifest: Path | None, files_from: BinaryIO | None, null: bool,
    recursive: bool, follow_symlinks: bool, include: tuple[str, ...], exclude: tuple[str, ...],
    no_scanignore: bool, force_exclude: bool, media_only: bool, model: Path | None,
    threshold: str | None, device: str, batch_size: int | None, workers: int | None, max_pixels: int | None,
    max_bytes: int | None, max_decode_seconds: float | None, max_decode_mib: int | None, restart: bool,
    cache: Path | None, cache_mib: int, rehash: bool,
    max_errors: int, strict: bool, fail_on: str, baseline: Path | None, sarif_known: bool, exit_zero: bool,
    allow_empty: bool, list_skipped: bool, quiet: bool, verbose: bool, log_file: Path | None, no_progress: bool,
) -> int:  # fmt: skip
    import logging
    from dataclasses import asdict
    from functools import partial

    from models.support.machine import usable_cores
    from scanner.audit import Audit
    from scanner.engine.local import automatic_batch_size
    from scanner.inference.detector import Detector
    from scanner.judgement.baseline import Baseline
    from scanner.judgement.policy import FailOn, Gate, Policy
    from scanner.media import Limits
    from scanner.memory import Cache, Journal, build_header
    from scanner.reports.outputs import Outputs
    from scanner.reports.redaction import check_report_names
    from scanner.reports.tally import Tally
    from scanner.results.identity import Identity
    from scanner.results.names import encode_path, printable
    from scanner.settings.origins import manifest_facts, note
    from scanner.sources import ScanIgnore, Selection, walk
    from scanner.terminal.log import logging_to, sigterm_interrupts
    from scanner.terminal.progress import BarProgress, NullProgress, Progress, has_room_for_bar

    progress: Progress = NullProgress()

    def say(line: str) -> None:
        if not quiet:
            progress.hide()
            terminal.say(line)

    def warn(line: str) -> None:
        logging.getLogger("scanner").warning(line)
        if not verbose:  # which shows the log's warnings by itself
            say(f"{terminal.paint('warning', terminal.Colour.DOUBTFUL)}: {printable(line)}")

    context = click.get_current_context()
    if (line := note(context)) is not None:
        say(line)
    known = Baseline.read(baseline) if baseline is not None else None
    outputs = Outputs.settle(outs, manifest, log_file, format)
    if redact_paths:
        check_report_names(outputs.reports)
    limits = Limits.of(
        max_bytes=max_bytes, max_pixels=max_pixels, cpu_seconds=max_decode_seconds, memory_mib=max_decode_mib
    )
    tally = Tally()

    def on_skip(name: str, kind: str) -> None:
        tally.other_files[str(kind)] += 1
        if list_skipped:
            terminal.say(f"no row: {printable(name)} ({kind})")

    with logging_to(log_file, verbose=verbose), sigterm_interrupts():
        detector = Detector.load(model, device)
        policy = Policy.for_model(detector.metadata, threshold)
        if detector.fallback is not None:
            say(f"note: scanning on the CPU: {detector.fallback}")
        if not detector.metadata.calibrated:
            say(
                "note: this model is not calibrated; prob_fake is a score, its threshold was not chosen on data"
            )
        selection = Selection(recursive, follow_symlinks, include, exclude, force_exclude, media_only)
        scanignore = None if no_scanignore else ScanIgnore(lambda *used: tally.scanignore.add(used))
        inputs = [encode_path(path) for path in paths]
        chosen: dict[str, Any] = {
            "files_from": _name_of(files_from), "nul": null,
            "recursive": recursive, "follow_symlinks": follow_symlinks, "include": list(include),
            "exclude": list(exclude), "scanignore": not no_scanignore, "force_exclude": force_exclude,
            "media_only": media_only,
        }  # fmt: skip
        header = build_header(detector, limits, {"paths": inputs, **chosen})
        results = None
        if cache is not None:
            results = Cache(
                cache,
                Identity.of(detector).key(),
                limits,
                rehash=rehash,
                max_bytes=cache_mib << 20,
                warn=warn,
            )
        if has_room_for_bar(outputs.reports) and not (no_progress or quiet or verbose or list_skipped):
            progress = BarProgress(_known_total(paths, files_from))
        return Audit(
            detector, policy, Gate(FailOn(fail_on), max_errors, strict, exit_zero),
            walk(_operands(paths, files_from, null), selection, ignore=outputs.own_files(cache),
                 on_skip=on_skip, scanignore=scanignore),
            tally, reports=outputs.reports, manifest=outputs.manifest, say=say, inputs=inputs,
            options=chosen | {
                "threshold": threshold, "device": device, "batch_size": batch_size,
                "workers": workers, "max_errors": max_errors, "strict": strict, "fail_on": fail_on,
                "baseline": None if baseline is None else str(baseline), "sarif_known": sarif_known,
                "exit_zero": exit_zero,
                "cache": None if cache is None else str(cache), "rehash": rehash,
                "allow_empty": allow_empty, "limits": asdict(limits),
            },
            configuration=manifest_facts(context), limits=limits,
            workers=workers or usable_cores(), batch_size=batch_size or automatic_batch_size(detector),
            allow_empty=allow_empty, thumbnails=not no_thumbnails, sarif_known=sarif_known, warn=warn,
            redact=redact_paths, baseline=known, cache=results,
            open_journal=partial(Journal.open, outputs.journal, header, restart=restart) if outputs.journal else None,
            progress=progress,
        ).run()  # fmt: skip


def _operands(paths: tuple[str, ...], files_from: BinaryIO | None, nul: bool) -> Iterator[str | Operand]:
    from scanner.sources import Operand, read_file_list

    yield from paths
    if files_from is not None:
        yield from (Operand(name, literal=True) for name in read_file_list(_own_stream(files_from), nul))


def _own_stream(stream: BinaryIO) -> BinaryIO:
    """Standard input without the interpreter's buffer: a thread that waits in that would keep it from ending."""
    if stream is getattr(sys.stdin, "buffer", None):
        with contextlib.suppress(OSError):  # io.UnsupportedOperation: a stand-in without a descriptor
            return open(stream.fileno(), "rb", buffering=0, closefd=False)
    return stream


def _name_of(files_from: BinaryIO | None) -> str | None:
    name = getattr(files_from, "name", None)
    return "-" if name == "<stdin>" else name


def _known_total(paths: tuple[str, ...], files_from: BinaryIO | None) -> int | None:
    """How many rows there will be, if that is plain before the walk: when every operand is a file."""
    if files_from is not None or not all(Path(path).is_file() for path in paths):
        return None
    return len(set(paths))


def main() -> None:
    """Entry point of ``scan``."""
    run_command(scan)

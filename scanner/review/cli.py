"""``scan-review``: decide on a report's findings, and export what was decided."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.support import terminal
from models.support.errors import ExitCode, run_command

if TYPE_CHECKING:
    from scanner.review.decisions import DecisionFile
    from scanner.review.exports import Reviewed
    from scanner.review.index import Index
    from scanner.review.ledger import Ledger
    from scanner.review.manifests import Origin
    from scanner.review.order import Numbers
    from scanner.review.sampling import Sample

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
EXPORT_OPTIONS = {
    "csv": "Write all decisions as CSV.",
    "baseline": "Write the false alarms as a report that scan --baseline takes.",
    "labels": "Write labels that scan-evaluate --labels takes.",
    "disagreements": "Write what reviewers differ about as CSV.",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command's options, as Click hands them over."""

    report: Path
    decisions: tuple[Path, ...]
    reviewer: str | None
    root: Path
    heatmaps: Path | None
    blind: bool
    sample: int | None
    seed: int
    port: int
    csv: Path | None
    baseline: Path | None
    labels: Path | None
    disagreements: Path | None
    summary: bool

    def exports(self) -> dict[str, Path]:
        """The files asked for, by kind."""
        asked = {kind: getattr(self, kind) for kind in EXPORT_OPTIONS}
        return {kind: path for kind, path in asked.items() if path is not None}


def _export_options(command: Any) -> Any:
    for kind, text in reversed(EXPORT_OPTIONS.items()):
        command = click.option(f"--{kind}", type=_FILE, default=None, show_default=False, help=text)(command)
    return command


@click.command(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "auto_envvar_prefix": "SCAN_REVIEW",
    }
)
@click.argument("report", type=_FILE)
@click.option(
    "--decisions",
    type=_FILE,
    multiple=True,
    show_default=False,
    help="Where decisions are kept; exports take several, of several reviewers. [default: NAME.decisions.jsonl "
    "beside REPORT]",
)
@click.option(
    "--reviewer", default=None, show_default=False, help="Who decides. [default: the name of this login]"
)
@click.option(
    "--root", type=_FOLDER, default=".", help="The folder in which scan was started; its paths begin there."
)
@click.option(
    "--heatmaps",
    type=_FOLDER,
    default=None,
    show_default=False,
    help="The folder of scan --heatmaps, shown with H.",
)
@click.option(
    "--blind", is_flag=True, help="Hide the score until the decision; pictures come in a shuffled order."
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=None,
    show_default=False,
    metavar="N",
    help="Review N pictures drawn over the score's whole range, from which the folder is estimated.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of --sample, and of the order of --blind.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="On 127.0.0.1; 0 takes one that is free."
)
@_export_options
@click.option("--summary", is_flag=True, help="Print counts, agreement and what the sample estimates.")
@click.version_option(package_name="deepfake-scanner")
def review(**given: Any) -> int:
    """Look at a report's pictures one by one, and keep a decision on each.

    REPORT is a JSON Lines report (scan --out report.jsonl). A page is served to this machine alone; its address, with
    a secret in it, is printed. Decisions are added to NAME.decisions.jsonl, and are on the disk before the page says
    so. Nothing is sent anywhere.

    With --csv, --baseline, --labels, --disagreements or --summary nothing is served: they export what was decided.
    """
    options = Options(**given)
    from scanner.review.index import Index
    from scanner.review.manifests import origin_of

    index = Index(options.report)
    origin = origin_of(options.report, index.sha256)
    if origin.remark:
        terminal.say(f"note: {origin.remark}")
    if options.exports() or options.summary:
        return _export(options, index, origin)
    if len(options.decisions) > 1:
        raise click.UsageError("a review is kept in one file; name one --decisions")
    return _serve(options, index, origin)


def _export(options: Options, index: Index, origin: Origin) -> int:
    from scanner.review import exports, summary
    from scanner.review.decisions import decisions_path, read_lines
    from scanner.review.ledger import Ledger

    ledgers = []
    for path in options.decisions or (decisions_path(options.report),):
        lines, unread = read_lines(path)
        _say_unread(path, unread)
        ledgers.append(Ledger(lines))
    sample = _sample(options, index, index.firsts(), ledgers)
    reviewed = _reviewed(index, origin, ledgers, sample)
    for kind, path in options.exports().items():
        rows = exports.write(kind, reviewed, path)
        terminal.say(f"{path}: {rows:,} rows")
    if options.labels is not None:
        if inside := exports.without_path(reviewed):
            terminal.say(f"note: {inside:,} pictures have no label, since only containers hold them")
        terminal.say(
            "note: scan-evaluate measures the labelled pictures as they are; which ones were looked at decides its "
            "rates. --summary estimates the whole folder from a --sample"
        )
    if options.summary:
        for line in summary.lines(reviewed, sample):
            click.echo(terminal.visible(line))
    return int(ExitCode.OK)


def _serve(options: Options, index: Index, origin: Origin) -> int:
    from scanner.review.decisions import DecisionFile, decisions_path
    from scanner.review.pictures import Pictures
    from scanner.review.session import Asked, Review

    firsts = index.firsts()
    if not len(firsts):
        terminal.say(f"{options.report}: no file has a score, so there is nothing to review")
        return int(ExitCode.OK)
    path = options.decisions[0] if options.decisions else decisions_path(options.report)
    order, words, sample = _order(options, index, firsts)
    asked = Asked(options.reviewer or _login(), options.blind, options.heatmaps, words)
    with (
        DecisionFile(path) as file,
        Pictures(options.root, origin.limits, sampling=origin.sampling, redacted=origin.redacted) as pictures,
    ):
        _say_unread(path, file.unread)
        review = Review(index, order, file, pictures, origin, asked)
        if sample is not None and options.sample is not None:
            review.keep_sample(options.sample, options.seed)
        _serve_until_interrupted(options, review, file, sample)
    return int(ExitCode.OK)


def _serve_until_interrupted(
    options: Options, review: Any, file: DecisionFile, sample: Sample | None
) -> None:
    from scanner.review import summary
    from scanner.review.server import ReviewServer

    def reviewed() -> Reviewed:
        ledgers = [review.ledger]
        drawn = sample or _sample(options, review.index, review.index.firsts(), ledgers)
        return _reviewed(review.index, review.origin, ledgers, drawn)

    def lines() -> list[str]:
        drawn = sample or _sample(options, review.index, review.index.firsts(), [review.ledger])
        return list(summary.lines(reviewed(), drawn))

    with ReviewServer(review, reviewed, lines, options.port) as server:
        try:
            terminal.say(f"{len(review):,} pictures, {review.asked.order}; decisions go to {file.path}")
            terminal.say("open this address in a browser of this machine; Ctrl-C ends the review:")
            click.echo(server.url)
            # The decoder starts, and has the first picture ready, while somebody opens the address.
            server.worker.submit(review.state, review.start())
            server.serve_forever()
        except KeyboardInterrupt:
            terminal.say(f"ended; decisions are in {file.path}")


def _order(options: Options, index: Index, firsts: Numbers) -> tuple[Numbers, str, Sample | None]:
    """Places, what the page says of their order, and the sample if there is one."""
    import numpy as np

    from scanner.review.order import most_suspicious, shuffled
    from scanner.review.sampling import draw

    if options.sample is not None:
        sample = draw(index, firsts, options.sample, options.seed)
        drawn = np.array(sorted(n for stratum in sample.strata for n in stratum.drawn), np.uint32)
        words = f"a sample over the score's range, shuffled (seed {options.seed})"
        return shuffled(index, drawn, options.seed), words, sample
    if options.blind:
        return shuffled(index, firsts, options.seed), f"shuffled (seed {options.seed})", None
    return most_suspicious(index, firsts), "most suspicious first", None


def _sample(options: Options, index: Index, firsts: Numbers, ledgers: list[Ledger]) -> Sample | None:
    """The one asked for, else the one that was drawn last of this report."""
    from scanner.review.sampling import draw

    lines = [line for ledger in ledgers for line in ledger.samples if line.report == index.sha256]
    if options.sample is not None:
        return draw(index, firsts, options.sample, options.seed)
    last = max(lines, key=lambda line: line.time, default=None)
    return None if last is None else draw(index, firsts, last.size, last.seed)


def _reviewed(index: Index, origin: Origin, ledgers: list[Ledger], sample: Sample | None) -> Reviewed:
    from scanner.review.agreement import opinions
    from scanner.review.exports import Reviewed

    numbers = () if sample is None else (n for stratum in sample.strata for n in stratum.drawn)
    sampled = frozenset(index.digest(number).hex() for number in numbers)
    return Reviewed(index, origin, opinions(ledgers), sampled)


def _say_unread(path: Path, unread: int) -> None:
    if unread:
        terminal.say(
            f"warning: {unread} lines of {path} were cut off or are of a later version, and are not used"
        )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise click.UsageError("this login has no name; say who decides with --reviewer") from None


def main() -> None:
    """Entry point of ``scan-review``."""
    run_command(review)

"""What follows from decisions, as files: a table, a baseline for ``scan``, labels for ``scan-evaluate``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.contract import Label
from scanner.judgement.policy import Verdict, format_probability
from scanner.reports.csv import csv_line, looks_like_report
from scanner.reports.row import COLUMNS, MODEL_DIGITS
from scanner.reports.sinks import FileSink, IsOurs
from scanner.results.names import INSIDE, decode_path
from scanner.review.agreement import Opinions, agreed, disagreements
from scanner.review.decisions import Choice
from scanner.review.index import Index, ReviewError
from scanner.review.manifests import Origin

TABLE_COLUMNS = (
    "path",
    "sha256",
    "face",
    "decision",
    "note",
    "reviewer",
    "time",
    "model",
    "probability",
    "verdict",
    "blind",
    "manifest",
)
LABEL_COLUMNS = ("path", "label", "source", "group", "sha256")
LABELS = {Choice.FAKE: Label.FAKE, Choice.FALSE_ALARM: Label.REAL}
SOURCES = {True: "review-sample", False: "review-chosen"}
"""In the labels: whether a picture was drawn at random, or looked at because of its score."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Reviewed:
    """A report and what was decided on its contents."""

    index: Index
    origin: Origin
    opinions: Opinions
    sampled: frozenset[str] = frozenset()
    """The contents of the sample."""

    def __post_init__(self) -> None:
        """Decisions on what the report does not have stay out of everything."""
        known = {sha256: said for sha256, said in self.opinions.items() if self.index.find(sha256)}
        object.__setattr__(self, "opinions", known)

    def agreed(self) -> Iterator[tuple[str, Choice]]:
        """What all reviewers say of a content, where they say one thing."""
        for sha256, said in self.opinions.items():
            if (choice := agreed(said)) is not None:
                yield sha256, choice


def table(reviewed: Reviewed) -> bytes:
    """CSV: one row for each content and reviewer."""
    return _table(reviewed, reviewed.opinions)


def disagreement_table(reviewed: Reviewed) -> bytes:
    """The rows of :func:`table` about which reviewers differ."""
    return _table(reviewed, disagreements(reviewed.opinions))


def baseline(reviewed: Reviewed) -> bytes:
    """A CSV report of the false alarms, for ``scan --baseline``."""
    lines = [csv_line(COLUMNS)]
    for sha256, choice in reviewed.agreed():
        if choice is Choice.FALSE_ALARM:
            for number in reviewed.index.find(sha256):
                row = reviewed.index.record(number)
                row["prob_fake"] = format_probability(row["prob_fake"])
                row["model"] = (row.get("model") or "")[:MODEL_DIGITS]
                lines.append(csv_line(row.get(name) for name in COLUMNS))
    return b"".join(lines)


def labels(reviewed: Reviewed) -> bytes:
    """A label manifest, one row for each content, under its first name. Raises :class:`ReviewError`.

    Paths are those of the file system, relative to where the scan was started; copies share their ``group``. What lies
    in containers alone has no path, and no row: :func:`without_path`.
    """
    if reviewed.origin.redacted:
        raise ReviewError("names in this report are redacted, and labels need them: review the true report")
    lines = [csv_line(LABEL_COLUMNS)]
    for sha256, choice, name in _labelled(reviewed):
        if name is not None:
            source = SOURCES[sha256 in reviewed.sampled]
            cells = (decode_path(name), LABELS[choice].title, source, sha256, sha256)
            lines.append(csv_line(cells, errors="surrogateescape"))
    return b"".join(lines)


def without_path(reviewed: Reviewed) -> int:
    """How many contents would have a label, and lie in containers alone, where ``scan-evaluate`` cannot read them."""
    return sum(name is None for _, _, name in _labelled(reviewed))


def _labelled(reviewed: Reviewed) -> Iterator[tuple[str, Choice, str | None]]:
    """Content, decision, and the first name that is a file's."""
    for sha256, choice in reviewed.agreed():
        if choice in LABELS:
            names = (reviewed.index.record(number)["path"] for number in reviewed.index.find(sha256))
            yield sha256, choice, next((name for name in names if INSIDE not in name), None)


def _table(reviewed: Reviewed, opinions: Opinions) -> bytes:
    lines = [csv_line(TABLE_COLUMNS)]
    for sha256, said in opinions.items():
        number = reviewed.index.find(sha256)[0]
        path, item = reviewed.index.record(number)["path"], reviewed.index.item(number)
        for reviewer, current in said.items():
            last = current.last
            cells = (
                path,
                sha256,
                last.face,
                current.decision,
                _safe(current.note),
                _safe(reviewer),
                last.time,
                last.model,
                format_probability(last.probability),
                item.verdict.value,
                "yes" if last.blind else "no",
                last.manifest,
            )
            lines.append(csv_line(cells, errors="backslashreplace"))
    return b"".join(lines)


def _safe(text: str | None) -> str | None:
    """Never a formula of a spreadsheet; paths are safe by their own rule."""
    return f"'{text}" if text is not None and text.startswith(_FORMULA_STARTS) else text


def _starts_with(columns: tuple[str, ...]) -> IsOurs:
    beginning = ",".join(columns).encode()
    return lambda head: head.startswith(beginning)


@dataclass(frozen=True)
class Export:
    """A kind of file that a review gives."""

    make: Callable[[Reviewed], bytes]
    is_ours: IsOurs
    suffix: str
    """After the report's stem, where no name is given."""


EXPORTS = {
    "csv": Export(table, _starts_with(TABLE_COLUMNS), ".decisions.csv"),
    "baseline": Export(baseline, looks_like_report, ".baseline.csv"),
    "labels": Export(labels, _starts_with(LABEL_COLUMNS), ".labels.csv"),
    "disagreements": Export(disagreement_table, _starts_with(TABLE_COLUMNS), ".disagreements.csv"),
}


def write(kind: str, reviewed: Reviewed, path: Path) -> int:
    """Put the file there, whole, and say how many rows it has. A file that is something else is left alone.

    Raises :class:`ReviewError` and :class:`models.support.errors.OutputError`.
    """
    data = EXPORTS[kind].make(reviewed)
    sink = FileSink(path, EXPORTS[kind].is_ours)
    sink.write(data)
    sink.commit()
    return len(list(_rows(data)))


def _rows(data: bytes) -> Iterator[object]:
    import csv
    import io

    reader = csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""))
    next(reader)
    yield from reader


def verdict_counts(reviewed: Reviewed) -> dict[tuple[Choice, Verdict], int]:
    """How many contents have which decision and which verdict."""
    counts: dict[tuple[Choice, Verdict], int] = {}
    for sha256, choice in reviewed.agreed():
        verdict = reviewed.index.item(reviewed.index.find(sha256)[0]).verdict
        counts[choice, verdict] = counts.get((choice, verdict), 0) + 1
    return counts

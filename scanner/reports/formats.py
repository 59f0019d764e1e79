"""Which formats there are, which file is in which, and how each begins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from models.support.errors import OutputError
from scanner.media import Limits
from scanner.reports import format_names
from scanner.reports.csv import CsvReport, looks_like_report
from scanner.reports.html import HtmlReport, looks_like_html
from scanner.reports.jsonl import JsonlReport, looks_like_jsonl
from scanner.reports.junit import JunitReport, looks_like_junit
from scanner.reports.parquet import ParquetReport, looks_like_parquet
from scanner.reports.report import Report, RunFacts
from scanner.reports.sarif import SarifReport, looks_like_sarif
from scanner.reports.sinks import IsOurs, Sink, is_stream


class Format(StrEnum):
    """Of reports; the words of ``--format``."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    SARIF = "sarif"
    JUNIT = "junit"
    HTML = "html"


SUFFIXES = {suffix: Format(name) for name, suffixes in format_names.SUFFIXES.items() for suffix in suffixes}


@dataclass(frozen=True)
class Target:
    """A report that was asked for."""

    path: Path | None
    """``None`` is standard output."""
    format: Format

    @property
    def is_file(self) -> bool:
        return self.path is not None and not is_stream(self.path)


def format_of(target: Path | None) -> Format:
    """By the suffix; a stream without one is CSV. Raises :class:`OutputError` for a suffix that means nothing."""
    if target is None:
        return Format.CSV
    name = target.name.lower()
    for suffix, format_ in SUFFIXES.items():
        if name.endswith(suffix):
            return format_
    if is_stream(target):
        return Format.CSV
    raise OutputError(
        f"{target}: no report format has this suffix; end it in {', '.join(SUFFIXES)}, or say --format"
    )


def is_ours(format_: Format) -> IsOurs:
    """The test by which a file that may be replaced is known."""
    match format_:
        case Format.CSV:
            return looks_like_report
        case Format.JSONL:
            return looks_like_jsonl
        case Format.PARQUET:
            return looks_like_parquet
        case Format.SARIF:
            return looks_like_sarif
        case Format.JUNIT:
            return looks_like_junit
        case Format.HTML:
            return looks_like_html
        case _:
            assert_never(format_)


def make_report(
    format_: Format, sink: Sink, facts: RunFacts, *, thumbnails: Limits | None, sarif_known: bool = False
) -> Report:
    """``thumbnails``: the limits within which pictures may be decoded once more, or ``None`` for no pictures.

    ``sarif_known``: whether SARIF holds what the baseline knows.
    """
    match format_:
        case Format.CSV:
            return CsvReport(sink, model_sha256=facts.model_sha256)
        case Format.JSONL:
            return JsonlReport(sink, facts)
        case Format.PARQUET:
            return ParquetReport(sink, facts)
        case Format.SARIF:
            return SarifReport(sink, facts, keeps_known=sarif_known)
        case Format.JUNIT:
            return JunitReport(sink, facts)
        case Format.HTML:
            return HtmlReport(sink, facts, thumbnails=thumbnails)
        case _:
            assert_never(format_)


def name_beside(target: Path, folder: Path) -> str:
    """How a manifest in ``folder`` calls a report."""
    return Path(os.path.relpath(target, folder)).as_posix()

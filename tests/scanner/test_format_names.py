"""The command line offers exactly the formats that there are."""

from __future__ import annotations

import click

from scanner import cli
from scanner.reports.format_names import SUFFIXES, shown_suffixes
from scanner.reports.formats import format_named
from scanner.reports.report import ReportFormat


def test_the_table_the_choice_and_the_code_name_the_same_formats() -> None:
    (option,) = (parameter for parameter in cli.scan.params if parameter.name == "format")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == list(SUFFIXES)
    assert all(isinstance(format_named(name), ReportFormat) for name in SUFFIXES)


def test_no_two_formats_share_a_suffix() -> None:
    suffixes = [suffix for some in SUFFIXES.values() for suffix in some]
    assert len(set(suffixes)) == len(suffixes) and all(suffix.startswith(".") for suffix in suffixes)


def test_a_format_is_named_beside_a_suffix_that_does_not_say_it() -> None:
    assert shown_suffixes() == ".csv, .findings.csv, .jsonl, .parquet, .sarif, .xml (JUnit), .html"

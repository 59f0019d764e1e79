"""``--explain-config``: which value each option has, where it comes from, and what lost to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import click

from scanner.options import is_setting, stream_name
from scanner.results.names import printable
from scanner.settings.files import did_you_mean, long_name
from scanner.settings.origins import beaten_by, files_of, given, options_of, variable

_OTHER_COMMANDS = ("SCAN_TRAIN_", "SCAN_EXPORT_", "SCAN_EVALUATE_")
_DEFAULT = re.compile(r"\[default: (.+)\]$")
_VALUE_WIDTH = 20
"""The origin of a longer value stands on the next line, so that lines fit a terminal."""
_LIST_WIDTH = 54
"""Fits 80 columns beside the longest name; a longer list has an item a line."""


def explain(context: click.Context) -> Iterator[str]:
    """Lines of text: the files, the options that somebody set, the others."""
    yield from _files(context)
    options = [option for option in options_of(context) if is_setting(option.name)]
    rows = [(option, _row(context, option)) for option in options]
    name_width = max(len(long_name(option)) for option in options) + 2
    yield _line("option", "value", "from", name_width)
    # What somebody chose comes first, each half in the order of --help, which sorted() keeps.
    for option, (value, origins) in sorted(rows, key=lambda row: row[1][1] == ["default"]):
        first, *losers = origins
        name = f"--{long_name(option)}"
        if len(value) > _VALUE_WIDTH:
            first_line, *more = value.split("\n")
            yield f"{name:{name_width}}  {first_line}"
            yield from (f"{'':{name_width}}  {line}" for line in more)
            yield _line("", "", first, name_width)
        else:
            yield _line(name, value, first, name_width)
        yield from (f"{'':{name_width}}    {loser}" for loser in losers)
    unused = list(_unused_variables(context))
    if unused:
        yield ""
        yield "variables that scan does not read"
        yield from unused


def _line(name: str, value: str, origin: str, name_width: int) -> str:
    return f"{name:{name_width}}  {value:{_VALUE_WIDTH}}  {origin}"


def _files(context: click.Context) -> Iterator[str]:
    files = files_of(context)
    yield "configuration files" + (", the upper one wins" if len(files) > 1 else "" if files else ": none")
    for file in files:
        yield f"  {printable(os.path.abspath(file.path))}"  # noqa: PTH100 - a link stays one
    yield ""


def _row(context: click.Context, option: click.Option) -> tuple[str, list[str]]:
    """Value in force, and where from, followed by what lost."""
    settings = [
        (printable(origin), _shown(option, value).replace("\n", " "))
        for origin, value in given(context, option)
    ]
    value = _shown(option, context.params.get(option.name or ""))
    stronger = beaten_by(context, option)
    if stronger is not None:
        return value, [f"--{stronger}", *(f"over {origin}: {raw}" for origin, raw in settings)]
    if not settings:
        return value, ["default"]
    return value, [settings[0][0], *(f"over {origin}: {raw}" for origin, raw in settings[1:])]


def _shown(option: click.Option, value: object) -> str:
    if value is None:
        # The callback of --batch-size makes None of auto; for other defaults that are decided later, --help has words.
        if isinstance(option.default, str):
            return option.default
        in_help = _DEFAULT.search(option.help or "")
        return in_help[1] if in_help else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        items = [printable(str(item)) for item in value]
        joined = ", ".join(items) or "none"
        return joined if len(joined) <= _LIST_WIDTH else ",\n".join(items)
    if hasattr(value, "read"):  # of --files-from, which is open
        return printable(stream_name(value) or "-")
    return printable(str(value))


def _unused_variables(context: click.Context) -> Iterator[str]:
    read = {variable(context, option) for option in options_of(context) if option.allow_from_autoenv}
    typed = {f"SCAN_{long_name(option)}".upper().replace("-", "_") for option in options_of(context)} - read
    for name in sorted(os.environ):
        if name.startswith("SCAN_") and not name.startswith(_OTHER_COMMANDS) and name not in read:
            hint = "only on the command line" if name in typed else did_you_mean(name, read)
            yield f"  {printable(name)}" + (f" ({hint})" if hint else "")

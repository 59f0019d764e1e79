"""What the tests of config files share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import click

from scanner import cli
from scanner.settings.files import belongs_in_files

ROOT = Path(__file__).parents[2]


OPTIONS = [parameter for parameter in cli.scan.params if isinstance(parameter, click.Option)]


IN_FILES = [option for option in OPTIONS if belongs_in_files(option)]


TOML, CFG = "[tool.deepfake-scanner]\n", "[tool:deepfake-scanner]\n"


class Run(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def rows(self) -> dict[str, tuple[str, list[str]]]:
        """Of --explain-config: value and origins by long name."""
        found: dict[str, tuple[str, list[str]]] = {}
        for line in self.out.partition("\noption ")[2].partition("\n\n")[0].splitlines()[1:]:
            if line.startswith("--"):
                name, rest = line[2:22].strip(), line[22:]
                fits = re.match(r"(.{20})  (\S.*)", rest)
                found[name] = (fits[1].strip(), [fits[2]]) if fits else (rest, [])
            else:
                found[name][1].append(line.strip())
        return found


def sample(option: click.Option, place: Path) -> tuple[str, str]:
    """A value that is not the default, as text, and as it is shown."""
    if option.is_flag:
        return ("no", "no") if option.default is True else ("1", "yes")
    if isinstance(option.type, click.Choice):
        word = list(option.type.choices)[-1]
        return word, word
    if isinstance(option.type, click.FloatRange):
        return "77.5", "77.5"
    if isinstance(option.type, click.IntRange) or option.name == "batch_size":
        return "77", "77"
    if isinstance(option.type, click.File):
        (place / "list").touch()
        return "list", "list"
    return "x", "x"

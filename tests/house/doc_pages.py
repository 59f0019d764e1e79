"""The fenced blocks of the pages that users read, and their commands.

A fence's first word is its language. Attributes may follow, which no renderer shows:

``sh exit=1``
    The block's last command ends with 1; ``exit=1,0``: the last but one with 1, the last with 0. All others end with 0.
``sh needs=gpu``
    Not executed, for one of the reasons in :data:`NEEDS`; its options are checked nevertheless.
``toml file=x.toml``
    Stands in the folder of the page's later blocks under that name.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("bench/*.md"), *ROOT.glob("docs/*.md")]
)
NEEDS = {
    "gpu": "an accelerator",
    "hours": "a training run or a measurement of full length, or what only that makes",
    "data": "labelled pictures or weights that are not in the repository",
    "network": "packages or weights from the network",
    "service": "a forge's service",
    "person": "a person who looks at pictures, or what only that makes",
}
EXECUTED, PARSED = ("sh", "bash", "console", "python", "yaml"), ("json", "toml")
SHOWN = ("text", "csv", "ini", "html", "xml", "diff", "")
OURS = re.compile(
    r"(\S*/)?scan(-train|-export|-evaluate|-review)?\s|(\S*/)?python3? (-m bench\b|bench/|docs/|samples/)|bench/\S+\.sh"
)


@dataclass(frozen=True)
class Block:
    """A fenced block: of which page, from which line on, and what its info string says."""

    page: str
    line: int
    language: str
    attributes: dict[str, str] = field(hash=False)
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def needs(self) -> str | None:
        return self.attributes.get("needs")

    def lines(self) -> list[str]:
        """Of shell; what else the block holds (output, YAML) is left out."""
        match self.language:
            case "sh" | "bash":
                return self.text.splitlines()
            case "console":
                return [line[2:] for line in self.text.splitlines() if line.startswith(("$ ", "> "))]
            case "yaml":
                return [line for script in scripts(yaml.safe_load(self.text)) for line in script.splitlines()]
            case _:
                return []

    def commands(self) -> list[str]:
        """Whole commands: a line together with those that continue it."""
        found, begun = [], ""
        for line in self.lines():
            if not begun and (not line.strip() or line.lstrip().startswith("#")):
                continue
            begun += line + "\n"
            is_cut = (
                line.endswith("\\")
                or subprocess.run(["bash", "-n", "-c", begun], capture_output=True).returncode
            )
            if not is_cut:
                found.append(begun)
                begun = ""
        return [*found, begun] if begun else found

    def exit_codes(self) -> list[int]:
        """One for each command."""
        last = [int(code) for code in self.attributes.get("exit", "0").split(",")]
        return [0] * (len(self.commands()) - len(last)) + last

    def calls(self) -> list[list[str]]:
        """The words of every call of one of our own commands, parts of pipes and chains by themselves."""
        found = []
        for line in "\n".join(self.lines()).replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|\||[|;]", line.partition(" #")[0]):
                if OURS.match(part.strip() + " "):
                    words = shlex.split(part)
                    ends = [n for n, word in enumerate(words) if re.match(r"\d?>", word)]
                    found.append(words[: ends[0]] if ends else words)
        return found


def blocks(page: Path) -> list[Block]:
    """Of one page, in order. Raises :class:`ValueError` for a fence that is never closed."""
    found: list[Block] = []
    opened: tuple[int, str, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r" *(`{3,}|~{3,})\s*([^`]*)$", line)
        if opened is None:
            if fence:
                opened, inside = (number, fence[1], fence[2].strip()), []
        elif fence and fence[1].startswith(opened[1]) and not fence[2]:
            language, *attributes = opened[2].split() or [""]
            pairs = dict(attribute.partition("=")[::2] for attribute in attributes)
            name = (page.relative_to(ROOT) if page.is_relative_to(ROOT) else page).as_posix()
            text = "".join(f"{line}\n" for line in inside)
            found.append(Block(name, opened[0], language, pairs, text))
            opened = None
        else:
            inside.append(line)
    if opened is not None:
        raise ValueError(f"{page}:{opened[0]}: this fence is never closed")
    return found


def all_blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if not languages or block.language in languages]


def outside_blocks(page: Path) -> Iterator[tuple[int, str]]:
    """Numbers and texts of the lines of prose."""
    fenced = {
        number
        for block in blocks(page)
        for number in range(block.line, block.line + block.text.count("\n") + 2)
    }
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if number not in fenced:
            yield number, line


def scripts(value: Any) -> list[str]:
    """What ``run:`` and ``script:`` hold in the YAML of a forge's pipeline."""
    if isinstance(value, list):
        return [script for item in value for script in scripts(item)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, item in value.items():
        if key in ("run", "script", "before_script", "after_script"):
            found += [item] if isinstance(item, str) else item
        else:
            found += scripts(item)
    return found

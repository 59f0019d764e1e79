"""What the tests of ignored folders share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from scanner.sources import Candidate, ScanIgnore, Selection, walk


def make(*paths: str | bytes) -> None:
    for path in paths:
        file = Path(os.fsdecode(path))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def ignore(text: str | bytes, folder: str | Path = ".") -> Path:
    file = Path(folder, ".scanignore")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


class Run:
    """A drained walk."""

    def __init__(self, *operands: str, **selection: Any) -> None:
        self.used: list[tuple[str, str]] = []
        self.skipped: dict[str, str] = {}
        scanignore = ScanIgnore(lambda *used: self.used.append(used))
        found = walk(
            operands, Selection(**selection), on_skip=self.skipped.__setitem__, scanignore=scanignore
        )
        self.candidates: list[Candidate] = list(found)

    @property
    def names(self) -> list[str]:
        return [candidate.name for candidate in self.candidates]

    @property
    def left_out(self) -> dict[str, str]:
        return {name: str(kind) for name, kind in self.skipped.items() if "ignored" in kind}


def ours(folder: Path) -> set[str]:
    """The files that a walk looks at; it opens none that are empty and no image, so all others are told as skipped."""
    seen: set[str] = set()

    def on_skip(name: str, kind: str) -> None:
        if "ignored" not in kind:
            seen.add(name)

    candidates = walk([str(folder)], Selection(), on_skip=on_skip, scanignore=ScanIgnore())
    assert list(candidates) == []
    below = {name.removeprefix(f"{folder}/") for name in seen}
    return {name for name in below if not name.endswith("ignore")}

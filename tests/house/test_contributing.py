"""CONTRIBUTING.md names files: all of them are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLE = PAGE[PAGE.index("## How do I add") : PAGE.index("## The house")]
NAMED = sorted(set(re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|md))`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_every_file_that_is_named_exists(name: str) -> None:
    assert (ROOT / name).is_file()


def test_every_way_to_add_something_names_files() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| a")]
    assert len(rows) == 13 and all(re.search(r"`[\w/]+\.py`", row) for row in rows)

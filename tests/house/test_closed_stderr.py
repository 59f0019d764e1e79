"""What a command says on standard error never decides its exit code: every word goes through terminal.say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [path for room in ("scanner", "train", "export", "models") for path in (ROOT / room).rglob("*.py")]
SAY = ROOT / "models" / "support" / "terminal.py"


def to_stderr(source: str) -> Iterator[int]:
    """Lines of the calls that are told ``err=True``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and any(keyword.arg == "err" for keyword in node.keywords):
            yield node.lineno


def test_the_check_sees_what_it_is_for() -> None:
    assert list(to_stderr('import click\nclick.echo("x", err=True)')) == [2]
    assert list(to_stderr(SAY.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_say_writes_to_standard_error_by_click(path: Path) -> None:
    if path != SAY:
        assert list(to_stderr(path.read_text(encoding="utf-8"))) == []

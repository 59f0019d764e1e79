"""The limits of CONTRIBUTING: how long a file or a function may be, and how much a function may ask for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for room in ("scanner", "train", "export", "models", "bench", "ci")
    for path in (ROOT / room).rglob("*.py")
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LINES, FUNCTION_LINES, PARAMETERS = 300, 60, 7


def too_much(source: str) -> list[str]:
    """Sentences about what exceeds a limit."""
    found = []
    if (lines := source.count("\n")) > LINES:
        found.append(f"{lines} lines")
    if "fmt: skip" in source or "fmt: off" in source:
        found.append("the formatter is fought")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        if len([name for name in names if name not in ("self", "cls")]) > PARAMETERS:
            found.append(f"{node.name} has {len(names)} parameters")
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > FUNCTION_LINES:
            found.append(f"{node.name} has {node.end_lineno - node.lineno + 1} lines")
    return found


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_a_file_keeps_to_the_limits(path: Path) -> None:
    assert too_much(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", TESTS, ids=[str(path.relative_to(ROOT)) for path in TESTS])
def test_a_file_of_tests_has_no_more_lines_than_others(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= LINES


def test_what_exceeds_them_is_seen() -> None:
    wide = "def wide(a, b, c, d, *, e, f, g, h): ..."
    method = "class A:\n    def narrow(self, a, b, c, d, e, f, g): ..."
    long = "def long():\n" + "    pass\n" * FUNCTION_LINES
    assert too_much(wide) and too_much(long) and not too_much(method)
    assert too_much("#\n" * (LINES + 1)) and too_much("x = 1  # fmt: skip")

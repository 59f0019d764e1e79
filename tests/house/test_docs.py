"""The documentation says what the code does: commands parse, lists are complete, Python runs."""

from __future__ import annotations

import importlib.util
import re
import shlex
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import click
import pytest

from models.contract import ModelMetadata
from models.errors import ExitCode
from scanner.policy import Verdict
from scanner.reports.row import COLUMNS
from scanner.results import ErrorCode, Status

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
REPORT = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
CONTRACT = (ROOT / "docs" / "model-contract.md").read_text(encoding="utf-8")


def make_cli() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def documented_commands() -> list[tuple[str, str]]:
    """Every command line of ours in a shell block, the parts of a chain one by one."""
    found = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\|\||[|;]", line.partition(" #")[0]):
                    if re.match(r"\s*(\S*/)?scan(-\w+)?\s", part):
                        found.append((page.name, part.strip()))
    return found


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(table: str) -> list[str]:
    return [
        name
        for cell in re.findall(r"^\| ([^|]*)\|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    ]


def test_the_pages_show_all_four_commands() -> None:
    assert {line.split()[0].rpartition("/")[2] for _, line in documented_commands()} == set(
        make_cli().COMMANDS
    )


@pytest.mark.parametrize(("page", "line"), documented_commands())
def test_a_documented_command_line_is_understood(page: str, line: str) -> None:
    program, *arguments = shlex.split(line)
    command: click.Command = make_cli().COMMANDS[Path(program).name]
    context = command.make_context(program, [a for a in arguments if a not in (">", "2>&1")])
    assert context.params


def test_the_help_page_is_the_help() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == make_cli().text(), (
        "run: python docs/make_cli.py"
    )


def test_the_report_page_lists_the_columns_in_order() -> None:
    assert first_cells(section(REPORT, "CSV, schema 1")) == list(COLUMNS)


def test_the_report_page_has_the_closed_list_of_error_codes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", section(REPORT, "Error codes"), re.MULTILINE)
    assert sorted(code for code, _ in rows) == sorted(code.value for code in ErrorCode)
    assert {code for code, status in rows if status == Status.SKIPPED} == {ErrorCode.UNSUPPORTED_MEDIA}


def test_the_report_page_has_every_verdict_and_exit_code() -> None:
    assert first_cells(section(REPORT, "Verdicts")) == [verdict.value for verdict in Verdict]
    codes = re.findall(r"^\| (\d+) \|", section(REPORT, "Exit codes"), re.MULTILINE)
    assert [int(code) for code in codes] == [int(code) for code in ExitCode]


def test_the_contract_page_lists_every_metadata_key() -> None:
    assert sorted(first_cells(section(CONTRACT, "Metadata"))) == sorted(f.name for f in fields(ModelMetadata))


@pytest.mark.parametrize(
    ("page", "code"), [(page.name, code) for page in PAGES for code in blocks(page, "python")]
)
def test_python_examples_run(page: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, page, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", text):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}

"""The documentation says what the code does: commands parse, lists are complete, Python runs."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import click
import pytest
from doc_given import furnish
from doc_pages import PAGES, ROOT, Block, all_blocks, outside_blocks

from models.contract import ModelMetadata
from models.support.errors import ExitCode
from scanner.judgement.policy import Verdict
from scanner.reports.row import COLUMNS
from scanner.results import ErrorCode

REPORT = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
CONTRACT = (ROOT / "docs" / "model-contract.md").read_text(encoding="utf-8")


def make_cli() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documented_commands() -> list[tuple[Block, list[str]]]:
    """Every call of one of the four commands in a block of shell or in a pipeline, the parts of a chain one by one."""
    calls = [(block, words) for block in all_blocks() for words in block.calls()]
    return [(block, words) for block, words in calls if re.match(r"scan(-\w+)?$", Path(words[0]).name)]


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(table: str) -> list[str]:
    return [
        name
        for cell in re.findall(r"^\| ([^|]*)\|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    ]


def test_the_pages_show_all_four_commands() -> None:
    assert {Path(words[0]).name for _, words in documented_commands()} == set(make_cli().COMMANDS)


@pytest.mark.parametrize(("block", "words"), documented_commands(), ids=str)
def test_a_documented_command_line_is_understood(block: Block, words: list[str]) -> None:
    program, *arguments = words
    arguments = [
        "-" if before == "--files-from" else word for before, word in pairwise(words)
    ]  # is opened at once
    command: click.Command = make_cli().COMMANDS[Path(program).name]
    context = command.make_context(program, arguments)
    assert context.params


def test_the_help_page_is_the_help() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == make_cli().text(), (
        "run: python docs/make_cli.py"
    )


@pytest.mark.parametrize("name", make_cli().COMMANDS)
def test_options_read_the_variables_that_the_page_names(name: str) -> None:
    command: click.Command = make_cli().COMMANDS[name]
    prefix = name.upper().replace("-", "_")
    assert command.context_settings["auto_envvar_prefix"] == prefix
    unread = set()
    for option in command.params:
        if isinstance(option, click.Option):
            (long,) = (one.lstrip("-") for one in option.opts if one.startswith("--"))
            own = option.envvar or f"{prefix}_{option.name}".upper() if option.allow_from_autoenv else None
            if own != f"{prefix}_{long}".upper().replace("-", "_"):
                unread.add(long)
    assert unread == ({"out", "verify", "files", "explain-config", "version"} if name == "scan" else set())


def test_options_variables_and_scripts_that_prose_names_exist() -> None:
    commands = [(name.upper().replace("-", "_"), command) for name, command in make_cli().COMMANDS.items()]
    options = {(name, one) for name, command in commands for option in command.params for one in option.opts}
    known = {one for _, command in commands for option in command.params for one in option.secondary_opts}
    known |= {one for _, one in options} | {"--help"}
    variables = {f"{name}_{one.lstrip('-')}".upper().replace("-", "_") for name, one in options}
    for page in PAGES:
        for number, line in outside_blocks(page):
            where = f"{page.name}:{number}"
            for span in re.findall(r"`([^`]+)`", line):
                assert set(re.findall(r"\bSCAN_[A-Z_]+", span)) <= variables, where
                for script in re.findall(r"python (?:-m )?([\w./]+)", span):
                    path = ROOT / (script if script.endswith(".py") else script.replace(".", "/"))
                    assert path.is_dir() or path.with_suffix(".py").is_file(), where
                if "bench" not in f"{page} {span}":
                    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", span)) <= known, where


def test_the_report_page_lists_the_columns_in_order() -> None:
    assert first_cells(section(REPORT, "CSV, schema 1")) == list(COLUMNS)


def test_the_report_page_has_the_closed_list_of_error_codes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", section(REPORT, "Error codes"), re.MULTILINE)
    assert dict(rows) == {code.value: code.status.value for code in ErrorCode} and len(rows) == len(ErrorCode)


def test_the_report_page_has_every_verdict_and_exit_code() -> None:
    assert first_cells(section(REPORT, "Verdicts")) == [verdict.value for verdict in Verdict]
    codes = re.findall(r"^\| (\d+) \|", section(REPORT, "Exit codes"), re.MULTILINE)
    assert [int(code) for code in codes] == [int(code) for code in ExitCode]


def test_the_contract_page_lists_every_metadata_key() -> None:
    assert sorted(first_cells(section(CONTRACT, "Metadata"))) == sorted(f.name for f in fields(ModelMetadata))


@pytest.mark.slow
@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_python_examples_run(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(tmp_path / "here", block)
    monkeypatch.chdir(tmp_path / "here")
    exec(compile(block.text, str(block), "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", text):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}

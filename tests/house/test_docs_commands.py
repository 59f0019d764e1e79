"""Everything in the pages that looks like a command is executed as it stands, or says in its fence what it needs.

How a fence says so is in ``doc_pages.py``, what is in the folder where a block runs in ``doc_given.py``.
"""

from __future__ import annotations

import configparser
import csv
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import doc_pages
import pytest
import yaml
from doc_given import GIVEN, furnish, with_heat_maps
from doc_pages import NEEDS, PAGES, ROOT, Block, all_blocks, blocks, outside_blocks

RUNNABLE = [block for block in all_blocks(*doc_pages.EXECUTED) if block.commands() and block.needs is None]
LANGUAGES = (*doc_pages.EXECUTED, *doc_pages.PARSED, *doc_pages.SHOWN)
MARKED = [block for block in all_blocks() if block.needs is not None]

# Every option reads a variable: commands stay word for word what the page says and take seconds.
QUICK = {
    "SCAN_DEVICE": "cpu",
    "SCAN_TRAIN_DEVICE": "cpu",
    "SCAN_TRAIN_PHASES": "32x1@1e-3",
    "SCAN_TRAIN_BATCH_SIZE": "4",
    "SCAN_TRAIN_EPOCH_IMAGES": "4",
    "SCAN_TRAIN_SELECT_IMAGES": "2",
    "SCAN_TRAIN_WORKERS": "0",
    "SCAN_EVALUATE_DEVICE": "cpu",
    "SCAN_EVALUATE_BOOTSTRAP": "20",
}
# What a page takes as installed is: pip must be content without the network, and change nothing.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_DRY_RUN": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
FORGE = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user's, with the console scripts of this environment on PATH."""
    home = tmp_path_factory.mktemp("home")
    with_heat_maps(home / "default.onnx")  # as the shipped one
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SCAN_", "GIT_", "PIP_"))
    }
    return kept | QUICK | OFFLINE | FORGE | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),  # this checkout, whatever else is installed
        "HOME": str(home),
        "SCAN_MODEL": str(home / "default.onnx"),
    }  # fmt: skip


def execute(block: Block, folder: Path, environment: dict[str, str]) -> tuple[list[int], str]:
    """The exit code of each command of the block, all in one shell, and what they said."""
    codes = folder.with_name("codes")
    lines = [f"exec 9>{codes}", "set -o pipefail"]  # a scan that fails in front of a pipe shall not pass
    for command in block.commands():
        lines += [command, "echo $? >&9"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False,
    )  # fmt: skip
    return [int(code) for code in codes.read_text().split()], done.stdout.decode("utf-8", "replace")


@pytest.mark.slow
@pytest.mark.parametrize("block", RUNNABLE, ids=str)
def test_the_commands_of_a_block_end_as_the_page_says(
    block: Block, tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "here"
    furnish(folder, block)
    found, said = execute(block, folder, environment)
    ended = "\n".join(f"{code}: {line}" for code, line in zip(found, block.commands(), strict=False))
    assert found == block.exit_codes(), f"{block}\n{ended}\n{said}"
    if block.language == "yaml":
        for path in artifacts(yaml.safe_load(block.text)):
            assert (folder / path).exists(), f"{block}: the job makes no {path}"


def artifacts(pipeline: dict[str, Any]) -> list[str]:
    """Files that a GitLab job says it leaves."""
    found: list[str] = []
    for job in pipeline.values():
        kept = job.get("artifacts", {}) if isinstance(job, dict) else {}
        found += [*kept.get("paths", []), *kept.get("reports", {}).values()]
    return found


@pytest.mark.parametrize("block", all_blocks(), ids=str)
def test_a_fence_says_what_is_known(block: Block) -> None:
    assert block.language in LANGUAGES, f"{block}: say in doc_pages.py what {block.language} is"
    assert block.attributes.keys() <= {"exit", "needs", "file"}, block
    assert block.needs in (None, *NEEDS), f"{block}: needs one of {', '.join(NEEDS)}"
    match block.language:
        case "json":
            json.loads(block.text)
        case "toml":
            tomllib.loads(block.text)
        case "yaml":
            assert yaml.safe_load(block.text), block


@pytest.mark.parametrize("block", MARKED, ids=str)
def test_what_is_not_executed_is_a_command_or_a_pipeline(block: Block) -> None:
    assert block.commands() or block.language == "yaml", f"{block} has nothing to execute: take needs= away"


def is_a_command(line: str) -> bool:
    """A call of ours that fills the line, or with an option a part of it; the text of a help page is indented."""
    parts = [part.strip() for part in re.split(r"&&|[|;]", line.removeprefix("$ "))]
    calls = [part for part in parts if doc_pages.OURS.match(part + " ")]
    return any(not line.startswith(" ") or re.search(r"\s--?\w", part) for part in calls)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_hides_where_it_is_not_executed(page: Path) -> None:
    for block in blocks(page):
        if block.language in doc_pages.SHOWN:
            assert [line for line in block.text.splitlines() if is_a_command(line)] == [], f"{block} is sh"
    for number, line in outside_blocks(page):
        assert not re.match(r"    |\t", line) or not is_a_command(line), f"{page.name}:{number}: use a fence"


@pytest.mark.parametrize("block", all_blocks("sh", "bash", "console", "yaml"), ids=str)
def test_extras_that_are_installed_exist(block: Block) -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    for extras in re.findall(r"(?:deepfake-scanner|\.)\[([\w,-]+)\]", block.text):
        assert set(extras.split(",")) <= set(parser["options.extras_require"])


def test_what_ci_runs_is_what_the_readme_says() -> None:
    """The README's first two blocks need the network; ``.ci/run`` executes them."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    function = script[script.index("readme_command()") : script.index("quietly()")]
    first = [block for block in blocks(ROOT / "README.md") if block.language == "sh"][:2]
    assert [block.needs for block in first] == ["network", "network"] and "for number in 1 2; do" in script
    for number, block in enumerate(first, 1):
        command = f"{function}\nreadme_command {number}"
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == block.text


@pytest.mark.parametrize("block", [block for block in all_blocks() if "bench" in block.text], ids=str)
def test_calls_of_measurements_are_understood(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take long; their words are read as they would read them."""
    monkeypatch.syspath_prepend(ROOT)
    for _, *words in block.calls():
        name = words[1] if words[0] == "-m" else words[0].removesuffix(".py").replace("/", ".")
        if not name.startswith("bench."):
            continue
        if (spec := importlib.util.find_spec(name)) is not None and spec.submodule_search_locations:
            name += ".__main__"
        command: click.Command = importlib.import_module(name).main
        arguments = words[2:] if words[0] == "-m" else words[1:]
        context = command.make_context(name, arguments)
        if isinstance(command, click.Group):
            inner, found, rest = command.resolve_command(context, arguments)
            assert found is not None and found.make_context(inner, rest)


@pytest.mark.parametrize("block", [block for block in all_blocks() if "scan-train" in block.text], ids=str)
def test_recipes_that_are_documented_can_be_made(block: Block) -> None:
    """Most of the trainings take hours; what they ask for is resolved as scan-train does it first of all."""
    from train.cli import train
    from train.run import Plan

    for program, *words in block.calls():
        if program.endswith("scan-train"):
            asked = train.make_context(program, words).params
            plan = Plan(**{f.name: asked[f.name] for f in fields(Plan)})
            assert plan.recipe().phases


def test_the_pipelines_use_what_we_ship() -> None:
    """Inputs of the action and names of hooks, in the YAML of the pages."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    inputs, used = set(), set()
    for block in all_blocks("yaml"):
        pipeline = yaml.safe_load(block.text)
        for job in pipeline.get("jobs", {}).values():
            for step in job["steps"]:
                if "/deepfake-scanner@" in step.get("uses", ""):
                    inputs |= step.get("with", {}).keys()
        for source in pipeline.get("repos", []):
            used |= {hook["id"] for hook in source["hooks"]}
    assert inputs and inputs <= action["inputs"].keys()
    assert used == {hook["id"] for hook in hooks}


@pytest.mark.slow
def test_the_first_scan_says_what_the_readme_shows(tmp_path: Path, environment: dict[str, str]) -> None:
    """With the shipped weights; another processor may move a probability a little, and nothing else.

    What it says on the terminal is a picture, which test_screenshots.py holds true.
    """
    page = blocks(ROOT / "README.md")
    scan, report = page[0], next(block for block in page if block.language == "csv")
    folder = tmp_path / "here"
    furnish(folder, scan)
    command = scan.text.rpartition("&&")[2].strip().removeprefix(".venv/bin/")
    shipped = {name: value for name, value in environment.items() if name != "SCAN_MODEL"}
    subprocess.run(["bash", "-c", command], cwd=folder, env=shipped, check=True)
    with (folder / "report.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    for row in csv.DictReader(report.text.splitlines()):
        real = rows[row["path"]]
        said, measured = row.pop("prob_fake"), real.pop("prob_fake")
        assert row == real and bool(said) is bool(measured)
        assert float(said or 0) == pytest.approx(float(measured or 0), abs=2e-4)


def test_a_page_is_read_as_its_fences_say(tmp_path: Path, environment: dict[str, str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```toml file=a.toml\nx = 1\n```\n"
        "~~~sh exit=3,0\n# a comment\ncat a.toml | \\\n  grep x\n\n"
        "mkdir new && cd new\n(exit 3)\ntest -e ../a.toml  # still in new\n~~~\n"
        "```console\n$ false\nsaid\n$ echo \\\n> b\n```\n"
        "```yaml needs=service\njob:\n  steps:\n    - run: |\n        one\n        two\n    - run: three\n```\n"
    )
    toml, shell, console, pipeline = blocks(page)
    assert (toml.attributes, pipeline.needs, shell.needs) == ({"file": "a.toml"}, "service", None)
    assert [len(block.commands()) for block in (toml, shell, console, pipeline)] == [0, 4, 2, 3]
    furnish(tmp_path / "here", shell)
    assert (execute(shell, tmp_path / "here", environment)[0], shell.exit_codes()) == (
        [0, 0, 3, 0],
        [0, 0, 3, 0],
    )
    assert execute(console, tmp_path / "here", environment)[0] == [1, 0] != console.exit_codes()


def test_a_fence_that_is_never_closed_is_seen(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```sh\nscan x\n")
    with pytest.raises(ValueError, match=r"page\.md:1: this fence is never closed"):
        blocks(tmp_path / "page.md")


def test_nothing_is_given_that_no_page_takes() -> None:
    text = "".join(line for block in all_blocks() for line in block.lines())
    assert [name for name in GIVEN if name not in text] == []

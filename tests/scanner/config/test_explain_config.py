"""``--explain-config``: the table of what was set and where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from config_files import CFG, IN_FILES, ROOT, TOML, sample

# What is printed.


def test_explain_config_scans_nothing_and_needs_nothing(here: Path, bare: Any) -> None:
    before = sorted(here.rglob("*"))
    run = bare("--explain-config")
    assert run.code == 0 and run.out.startswith("configuration files: none\n")
    assert bare("in", "--out", "r.csv", "--explain-config").rows["out"] == ("r.csv", ["command line"])
    assert sorted(here.rglob("*")) == before
    assert bare("--explain-config", "--verify", "m.json").code == 2


def test_explain_config_is_a_table_with_what_was_set_on_top(
    place: Path, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pyproject.toml").write_text(f"{TOML}workers = 3\nmodel = 'models/with-a-rather-long-name.onnx'\n")
    Path("setup.cfg").write_text(f"{CFG}workers = 4\n")
    monkeypatch.setenv("SCAN_TRESHOLD", "0.5")
    monkeypatch.setenv("SCAN_OUT", "r.csv")
    monkeypatch.setenv("SCAN_TRAIN_EPOCHS", "5")
    lines = bare("--explain-config", "--workers", 5).out.splitlines()
    gap = " " * 22
    assert lines[:3] == [
        "configuration files, the upper one wins",
        f"  {place}/pyproject.toml",
        f"  {place}/setup.cfg",
    ]
    assert lines[4:11] == [
        "option                value                 from",
        "--model               models/with-a-rather-long-name.onnx",
        gap + "                      pyproject.toml",
        "--workers             5                     command line",
        gap + "  over pyproject.toml: 3",
        gap + "  over setup.cfg: 4",
        "--out                 none                  default",
    ]
    assert lines[-3:] == [
        "variables that scan does not read",
        "  SCAN_OUT (only on the command line)",
        "  SCAN_TRESHOLD (did you mean SCAN_THRESHOLD?)",
    ]
    assert all(len(line) <= 80 for line in lines[3:])


def test_the_table_fits_a_terminal_with_every_variable_set(
    place: Path, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [option for option in IN_FILES if option.name != "quiet"]  # beside --verbose
    for option in options:
        monkeypatch.setenv(f"SCAN_{option.name}".upper(), sample(option, place)[0])
    lines = bare("--explain-config", "--max-decode-seconds", 5).out.splitlines()
    assert sum("environment SCAN_" in line for line in lines) == len(options)
    assert max(map(len, lines)) <= 80


def test_long_lists_have_an_item_a_line(bare: Any) -> None:
    globs = [f"folder {number}/*.png" for number in range(6)]
    Path("pyproject.toml").write_text(f"{TOML}exclude = {json.dumps(globs)}\n")
    out = bare("--explain-config").out
    assert all(f"{glob},\n" in out for glob in globs[:-1])
    assert all(len(line) <= 80 for line in out.splitlines()[2:])


def test_nothing_from_a_file_moves_the_terminal(bare: Any, refused: Any) -> None:
    # A bell: Click itself takes colours out of what goes to no terminal.
    Path("pyproject.toml").write_text(TOML + 'exclude = "\\u0007"\n')
    assert "\x07" not in bare("--explain-config").out
    Path("pyproject.toml").write_text(TOML + '"\\u0007" = 1\n')
    assert "\x07" not in refused()
    Path("pyproject.toml").write_text(TOML + 'fail-on = "\\u0007"\n')
    assert "\x07" not in refused()


def test_help_reads_no_file_and_states_the_order(bare: Any) -> None:
    Path("pyproject.toml").write_text("broken")
    text = bare("--help")
    assert text.code == 0 and bare("--config", "gone", "-h").code == 0
    assert "command line > SCAN_… variable > pyproject.toml > setup.cfg > default" in text.out
    assert bare("--version").code == 0


@pytest.mark.parametrize(("language", "name"), [("toml", "pyproject.toml"), ("ini", "setup.cfg")])
def test_the_examples_of_the_page_are_right(language: str, name: str, explain: Any) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    Path(name).write_text(block)
    set_ = {option: value for option, (value, origins) in explain().items() if origins == [name]}
    assert set_ == {
        "threshold": "fpr1", "fail-on": "inconclusive", "max-errors": "5", "exclude": "*.gif, old pictures/*",
        "baseline": "audit/accepted.csv", "recursive": "no",
    }  # fmt: skip

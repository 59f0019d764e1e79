"""Each option is set by its variable and in both kinds of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from config_files import CFG, IN_FILES, OPTIONS, TOML, sample

from scanner.settings.files import long_name

BY_VARIABLE = [option for option in OPTIONS if option.allow_from_autoenv]


def test_there_is_something_to_set() -> None:
    assert len(IN_FILES) > 25 and len(BY_VARIABLE) == len(IN_FILES) + 2
    assert {long_name(option) for option in OPTIONS} - {long_name(option) for option in IN_FILES} == {
        "out", "verify", "files", "config", "no-config", "explain-config", "version",
    }  # fmt: skip


@pytest.mark.parametrize("option", IN_FILES, ids=long_name)
def test_each_option_is_set_by_its_variable_and_in_both_files(
    option: click.Option, place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = long_name(option)
    text, shown = sample(option, place)
    assert explain()[name][1] == ["default"] and explain()[name][0] != shown
    Path("setup.cfg").write_text(f"{CFG}{name} = {text}\n")
    assert explain()[name] == (shown, ["setup.cfg"])
    word = ("false" if text == "no" else "true") if option.is_flag else json.dumps(text)
    Path("pyproject.toml").write_text(f"{TOML}{name.replace('-', '_')} = {word}\n")
    assert explain()[name][0] == shown and explain()[name][1][0] == "pyproject.toml"
    Path("pyproject.toml").unlink()
    Path("setup.cfg").unlink()
    # The long option's name, whatever the code calls it.
    variable = "SCAN_" + name.replace("-", "_").upper()
    monkeypatch.setenv(variable, text)
    assert explain()[name] == (shown, [f"environment {variable}"])
    monkeypatch.setenv(variable, "")
    assert explain()[name][1] == ["default"]


def test_a_blank_variable_is_an_error(refused: Any, bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAN_INCLUDE", "  ")
    assert "SCAN_INCLUDE in the environment is blank; give it a value or unset it" in refused()
    assert bare("--help").code == 0


def test_a_bad_variable_is_named(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAN_MAX_ERRORS", "few")
    error = refused()
    assert error.startswith("error: environment SCAN_MAX_ERRORS=few: 'few' is not a valid integer")
    assert error.endswith("; correct the variable or unset it\n")
    monkeypatch.setenv("SCAN_MAX_ERRORS", "3")
    monkeypatch.setenv("SCAN_STRICT", "perhaps")
    assert "SCAN_STRICT=perhaps" in refused()


@pytest.mark.parametrize(
    "name", ["PATHS", "OUT", "OUTS", "FORMATS", "NUL", "VERIFY", "FILES", "EXPLAIN_CONFIG"]
)
def test_what_makes_no_sense_as_a_variable_is_none(
    name: str, here: Path, scan: Any, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SCAN_{name}", "1")
    assert len(scan("in", "--out", "-").rows) == 3
    missing = bare("--out", "-")
    assert missing.code == 2 and "name something to scan" in missing.err

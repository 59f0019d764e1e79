"""What is wrong in a file of options is named with the remedy, whatever its bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from config_files import CFG, OPTIONS, ROOT, TOML
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.settings.files import long_name


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("treshold = 0.5", "there is no option treshold; did you mean threshold?"),
        ("Max-Errors = 1", "there is no option Max-Errors; did you mean max-errors?"),
        ("nul = true", "there is no option nul; did you mean null?"),
        ("zzz = 1", "there is no option zzz; scan --help lists the options"),
        ("no-recursive = true", "no-recursive is no key; write recursive = false"),
        ("out = 'r.csv'", "out cannot be set in a file; give it on the command line"),
        ("config = 'x.toml'", "config cannot be set in a file"),
        ("verify = 'm.json'", "verify cannot be set in a file"),
        ("max-errors = 1\nmax_errors = 2", "max-errors is set twice"),
        ("max-errors = 'few'", "max-errors = few: 'few' is not a valid integer"),
        ("max-errors = -1", "max-errors = -1: -1 is not in the range x>=0"),
        ("workers = 2.5", "workers = 2.5: '2.5' is not a valid integer"),
        ("workers = true", "workers = True: write a string or a number"),
        ("workers = [2]", "workers = [2]: write one value, not a list"),
        ("batch-size = 0", "batch-size = 0: 0 is not in the range x>=1"),
        ("batch-size = 'many'", "batch-size = many: 'many' is not a valid integer"),
        (
            "fail-on = 'real'",
            "fail-on = real: 'real' is not one of 'fake', 'inconclusive', 'declared', 'never'",
        ),
        ("format = ['csv', 'pdf']", "'pdf' is not one of 'csv'"),
        ("strict = 'yes'", "strict = yes: write true or false, without quotes"),
        ("strict = 1", "strict = 1: write true or false, without quotes"),
        ("model = ''", "it is empty; give it a value or remove the line"),
        ("include = ['a', ' ']", "it is empty"),
        ("include = ['a', ['b']]", "write a string or a number"),
        ("include = {a = 1}", "write a string or a number"),
        ("threshold = 2024-01-01", "write a string or a number"),
        ('model = "a\\u0000b"', "no value may hold NUL; remove it"),
        (f"workers = 0x{'f' * 5000}", "the number is too long"),
        ("files-from = 'gone'", "files-from = gone: 'gone': No such file or directory"),
    ],
)
def test_a_wrong_line_of_toml_is_named_with_the_remedy(line: str, words: str, refused: Any) -> None:
    Path("pyproject.toml").write_text(f"{TOML}{line}\n")
    error = refused()
    assert error.startswith("error: pyproject.toml [tool.deepfake-scanner]: ") and words in error
    assert error.count("\n") == 1 and "\0" not in error


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("treshold = 0.5", "did you mean threshold?"),
        ("help = yes", "there is no option help"),
        ("max-errors = 1 # comment", "max-errors = 1 # comment: '1 # comment' is not a valid integer"),
        ("max-errors =", "max-errors = : it is empty"),
        ("max-errors =\n  1\n  2", "write one value, on one line"),
        ("strict =", "it is empty"),
        ("strict = perhaps", "strict = perhaps: write yes or no"),
    ],
)
def test_a_wrong_line_of_setup_cfg_is_named_with_the_remedy(line: str, words: str, refused: Any) -> None:
    Path("setup.cfg").write_text(f"{CFG}{line}\n")
    error = refused()
    assert error.startswith("error: setup.cfg [tool:deepfake-scanner]: ") and words in error


def test_tool_deepfake_scanner_must_be_a_table(refused: Any) -> None:
    Path("pyproject.toml").write_text("tool.deepfake-scanner = 5\n")
    assert "pyproject.toml is broken: tool.deepfake-scanner is no table; correct it" in refused()


def test_percent_dollar_and_byte_order_marks_are_no_matter(explain: Any) -> None:
    Path("setup.cfg").write_text(f"\ufeff{CFG}include = %(here)s/$HOME/~/100%\n")
    assert explain()["include"][0].split("\n")[0] == "%(here)s/$HOME/~/100%"
    Path("setup.cfg").unlink()
    Path("pyproject.toml").write_bytes(f'\ufeff{TOML}include = "%(x)s"\r\n'.encode())
    assert explain()["include"][0] == "%(x)s"


def test_an_empty_list_takes_the_place_of_a_lower_one(explain: Any) -> None:
    Path("setup.cfg").write_text(f"{CFG}exclude = *.gif\ninclude =\n")
    Path("pyproject.toml").write_text(f"{TOML}exclude = []\n")
    rows = explain()
    assert rows["exclude"] == ("none", ["pyproject.toml", "over setup.cfg: *.gif"])
    assert rows["include"] == ("none", ["setup.cfg"])


# Wild input never ends in a traceback.

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1", "yes", "x", "-"])
)


VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


KEYS = st.sampled_from([long_name(option) for option in OPTIONS]) | st.text(max_size=12)


WILD = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_toml(value: object) -> str:
    """Good TOML for most values."""
    if isinstance(value, list):
        return f"[{', '.join(as_toml(item) for item in value)}]"
    if value is None:
        return "2024-02-30"
    return json.dumps(value, ensure_ascii=False).replace("NaN", "nan").replace("Infinity", "inf")


def survives(bare: Any, name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    run = bare("--explain-config", "--config", name)
    assert run.code in (0, 2) and "Traceback" not in run.err and "bug in" not in run.err
    assert run.code == 0 or (run.out == "" and run.err.startswith("error: "))


@pytest.mark.slow
@WILD
@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_wild_toml_is_taken_or_refused(bare: Any, content: dict[str, Any]) -> None:
    lines = [f"{json.dumps(key, ensure_ascii=False)} = {as_toml(value)}" for key, value in content.items()]
    survives(bare, "wild.toml", (TOML + "\n".join(lines)).encode("utf-8", "replace"))


@pytest.mark.slow
@WILD
@given(st.dictionaries(KEYS, st.text(max_size=30) | SCALARS.map(str), max_size=3))
def test_wild_setup_cfg_is_taken_or_refused(bare: Any, content: dict[str, str]) -> None:
    lines = [f"{key} = {value}" for key, value in content.items()]
    survives(bare, "wild.cfg", (CFG + "\n".join(lines)).encode("utf-8", "replace"))


@WILD
@given(st.binary(max_size=60), st.sampled_from(["wild.toml", "wild.cfg"]), st.booleans())
def test_wild_bytes_are_taken_or_refused(bare: Any, content: bytes, name: str, section: bool) -> None:
    head = (TOML if name.endswith("toml") else CFG).encode()
    survives(bare, name, head + content if section else content)


@pytest.mark.slow
def test_a_developers_own_settings_do_not_reach_the_tests(tmp_path: Path) -> None:
    """Variables that would break every scan, and a section in the folder that the tests run in."""
    (tmp_path / "setup.cfg").write_text(f"{CFG}fail-on = never\n[tool:pytest]\n")
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(
        "import subprocess, sys\n"
        "def test_it():\n"
        "    code = 'from scanner.cli import main; main()'\n"
        "    command = [sys.executable, '-c', code, '--explain-config']\n"
        "    done = subprocess.run(command, capture_output=True, text=True, check=True)\n"
        "    assert 'setup.cfg' not in done.stdout and 'environment' not in done.stdout\n"
    )
    env = os.environ | {"SCAN_MAX_ERRORS": "few", "SCAN_NO_CONFIG": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

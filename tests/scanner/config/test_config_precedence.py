"""Options from the command line, the environment and files: which one wins."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from config_files import CFG, TOML, Run

# Of each kind of option: command line, variable, TOML, setup.cfg and default, and how each is shown.
LEVELS = ("command line", "environment", "pyproject.toml", "setup.cfg", "default")


PRECEDENCE = {
    "max-errors": (["--max-errors", "4"], "3", "2", "1", ["4", "3", "2", "1", "0"]),
    "include": (
        ["--include", "a", "--include", "b"], "c d", '["e", "f g"]', "\n  h\n  i j",
        ["a, b", "c, d", "e, f g", "h, i j", "none"],
    ),
    "recursive": (["--no-recursive"], "yes", "false", "true", ["no", "yes", "no", "yes", "yes"]),
    "strict": (["--strict"], "0", "true", "no", ["yes", "no", "yes", "no", "no"]),
    "threshold": (["--threshold", "fpr1"], "0.2", "0.3", "50%", ["fpr1", "0.2", "0.3", "50%", "the model's"]),
    "batch-size": (["--batch-size", "auto"], "2", '"3"', "4", ["auto", "2", "3", "4", "auto"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PRECEDENCE)
def test_command_line_over_environment_over_pyproject_over_setup_cfg_over_default(
    name: str, place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed, variable, toml, cfg, shown = PRECEDENCE[name]
    env = f"SCAN_{name.upper().replace('-', '_')}"
    for present in itertools.product([True, False], repeat=4):
        monkeypatch.setenv(env, variable if present[1] else "")
        (place / "pyproject.toml").write_text(TOML + (f"{name} = {toml}" if present[2] else ""))
        (place / "setup.cfg").write_text(CFG + (f"{name} = {cfg}" if present[3] else ""))
        first, *losers = [level for level, there in enumerate((*present, True)) if there]
        place_of = dict(enumerate(LEVELS)) | {1: f"environment {env}"}
        # A variable that loses is shown as it is written.
        lost = [f"over {place_of[n]}: {variable if n == 1 else shown[n]}" for n in losers if n != 4]
        assert explain(*(typed if present[0] else []))[name] == (shown[first], [place_of[first], *lost])


def test_a_real_scan_obeys_the_same_order(
    here: Path, bare: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("setup.cfg").write_text(f"{CFG}model = {model}\ndevice = cpu\nfail-on = fake\nexit-zero = yes\n")
    Path("pyproject.toml").write_text(f'{TOML}fail-on = "never"\nrecursive = false\nexit-zero = false\n')
    monkeypatch.setenv("SCAN_RECURSIVE", "1")
    assert bare("in", "--out", "r.csv").code == 0
    assert Path("r.csv").read_text().count("\n") == 4
    assert bare("in", "--out", "r.csv", "--fail-on", "inconclusive", "--no-recursive").code == 1
    assert Path("r.csv").read_text().count("\n") == 3
    options = json.loads(Path("r.run.json").read_text())["options"]
    assert (options["fail_on"], options["recursive"], options["exit_zero"]) == ("inconclusive", False, False)


@pytest.mark.slow
def test_a_scan_says_which_options_files_set(here: Path, scan: Any) -> None:
    Path("setup.cfg").write_text(f"{CFG}strict = no\nmax-errors = 9\n")
    Path("pyproject.toml").write_text(f"{TOML}max-errors = 3\n")
    Path("in/sub/more").mkdir()
    line = "note: options set by files: max-errors from pyproject.toml; strict from setup.cfg"
    assert scan("in", "--out", "-").err.splitlines()[0] == line
    assert "options set" not in scan("in", "--out", "-", "--no-config").err
    assert scan("in", "--out", "-", "-q").err == ""


def test_a_later_failure_says_where_its_option_came_from(
    here: Path, scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pyproject.toml").write_text(f"{TOML}threshold = 2\nformat = 'csv'\n")
    assert "--threshold 2" in (error := scan("in", "--out", "r.csv").err)
    assert error.endswith("(--threshold is set by pyproject.toml)\n")
    error = scan("in", "--out", "r.csv", "--out", "r.html", "--threshold", "0.5").err
    assert error.endswith("(--format is set by pyproject.toml)\n")
    monkeypatch.setenv("SCAN_THRESHOLD", "3")
    assert scan("in", "--out", "r.csv").err.endswith("(--threshold is set by environment SCAN_THRESHOLD)\n")


def test_a_scan_finds_relative_paths_from_the_files_folder(
    here: Path, bare: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = here / "conf"
    (conf / "sub").mkdir(parents=True)
    (conf / "bright.onnx").write_bytes(model.read_bytes())
    (conf / "list").write_text(
        "../../in/light.jpg\n"
    )  # its names are relative to the working directory, as ever
    (conf / "audit.toml").write_text(
        f"{TOML}model = 'bright.onnx'\nfiles-from = 'list'\ncache = 'cache'\nlog-file = 'sub/../scan.log'\n"
        "manifest = 'm.json'\ndevice = 'cpu'\n"
    )
    monkeypatch.chdir(conf / "sub")
    assert bare("--config", "../audit.toml", "--out", "r.csv").code == 1
    assert {path.name for path in conf.iterdir()} >= {"cache", "scan.log", "m.json"}
    assert [path.name for path in Path().iterdir()] == ["r.csv"]


@pytest.mark.parametrize("name", ["model", "baseline", "cache", "log-file", "manifest"])
def test_paths_in_a_file_are_relative_to_its_folder_and_absolute_ones_stay(
    name: str, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("conf").mkdir()
    Path("conf/audit.toml").write_text(f"{TOML}{name} = 'x'\n")
    Path("conf/setup.cfg").write_text(f"{CFG}{name} = /top/x\n")
    assert explain("--config", "conf/audit.toml")[name][0] == "conf/x"
    assert explain("--config", "conf/setup.cfg")[name][0] == "/top/x"
    assert explain("--config", "conf/audit.toml", f"--{name}", "y")[name] == (
        "y", ["command line", "over conf/audit.toml: conf/x"],
    )  # fmt: skip
    monkeypatch.setenv("SCAN_" + name.upper().replace("-", "_"), "y")
    assert explain("--config", "conf/audit.toml")[name][0] == "y"


def test_what_is_no_path_is_left_alone(shell: Any) -> None:
    Path("conf").mkdir()
    Path("conf/audit.toml").write_text(f"{TOML}files-from = '-'\ninclude = 'a/b'\nthreshold = 'x'\n")
    run = shell("--explain-config", "--config", "conf/audit.toml", stdin=subprocess.DEVNULL)
    rows = Run(run.code, run.out.decode(), run.err).rows
    assert [rows[name][0] for name in ("files-from", "include", "threshold")] == ["-", "a/b", "x"]


# Flags that exclude each other, and flags that need another.


@pytest.mark.parametrize(
    ("typed", "variables", "toml", "cfg", "expected"),
    [
        ("-v", "", "quiet = true", "", "verbose"),
        ("-q", "SCAN_VERBOSE", "", "", "quiet"),
        ("", "SCAN_VERBOSE", "quiet = true", "", "verbose"),
        ("", "", "quiet = true", "verbose = yes", "quiet"),
        ("", "", "quiet = true\nverbose = true", "", None),
        ("-qv", "", "quiet = true", "", None),
    ],
)
def test_of_quiet_and_verbose_the_nearer_counts(
    typed: str, variables: str, toml: str, cfg: str, expected: str | None,
    bare: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    Path("pyproject.toml").write_text(f"{TOML}{toml}\n")
    Path("setup.cfg").write_text(f"{CFG}{cfg}\n")
    for variable in variables.split():
        monkeypatch.setenv(variable, "1")
    run = bare("--explain-config", *typed.split())
    if expected is None:
        assert run.code == 2 and "--quiet and --verbose contradict each other" in run.err
        return
    other = "quiet" if expected == "verbose" else "verbose"
    assert run.rows[expected][0] == "yes" and run.rows[other][0] == "no"
    assert run.rows[other][1][0] == f"--{expected}" and run.rows[other][1][1].startswith("over ")


def test_null_in_a_file_waits_for_a_list(here: Path, scan: Any) -> None:
    Path("pyproject.toml").write_text(f"{TOML}null = true\n")
    assert len(scan("in", "--out", "-").rows) == 3
    Path("list").write_bytes(b"in/dark.png\0in/light.jpg\0")
    assert len(scan("--files-from", "list", "--out", "-").rows) == 2
    assert scan("in", "--out", "-", "-0").code == 2

"""Options from files and the environment: which one wins, what is refused, and what is said of it."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.support.errors import run_command
from scanner import cli
from scanner.settings.files import belongs_in_files, long_name

ROOT = Path(__file__).parents[2]
OPTIONS = [parameter for parameter in cli.scan.params if isinstance(parameter, click.Option)]
BY_VARIABLE = [option for option in OPTIONS if option.allow_from_autoenv]
IN_FILES = [option for option in OPTIONS if belongs_in_files(option)]
TOML, CFG = "[tool.deepfake-scanner]\n", "[tool:deepfake-scanner]\n"


class Run(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def rows(self) -> dict[str, tuple[str, list[str]]]:
        """Of --explain-config: value and origins by long name."""
        found: dict[str, tuple[str, list[str]]] = {}
        for line in self.out.partition("\noption ")[2].partition("\n\n")[0].splitlines()[1:]:
            if line.startswith("--"):
                name, rest = line[2:22].strip(), line[22:]
                fits = re.match(r"(.{20})  (\S.*)", rest)
                found[name] = (fits[1].strip(), [fits[2]]) if fits else (rest, [])
            else:
                found[name][1].append(line.strip())
        return found


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, the root of a repository, where configuration counts."""
    monkeypatch.setenv("SCAN_NO_CONFIG", "")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bare(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Run]:
    """``scan`` in this process with these arguments and no others."""

    def run(*arguments: object) -> Run:
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            run_command(cli.scan, [str(argument) for argument in arguments])
        assert isinstance(left.value.code, int)
        return Run(left.value.code, *(text.decode() for text in capsysbinary.readouterr()))

    return run


@pytest.fixture
def explain(bare: Any) -> Callable[..., dict[str, tuple[str, list[str]]]]:
    """The rows of ``scan --explain-config``."""

    def run(*arguments: object) -> dict[str, tuple[str, list[str]]]:
        done = bare("--explain-config", *arguments)
        assert (done.code, done.err) == (0, "")
        return done.rows

    return run


@pytest.fixture
def refused(bare: Any) -> Callable[..., str]:
    """What ``scan --explain-config`` says when it exits with 2."""

    def run(*arguments: object) -> str:
        done = bare("--explain-config", *arguments)
        assert (done.code, done.out) == (2, "") and "Traceback" not in done.err
        return str(done.err)

    return run


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


def sample(option: click.Option, place: Path) -> tuple[str, str]:
    """A value that is not the default, as text, and as it is shown."""
    if option.is_flag:
        return ("no", "no") if option.default is True else ("1", "yes")
    if isinstance(option.type, click.Choice):
        word = list(option.type.choices)[-1]
        return word, word
    if isinstance(option.type, click.FloatRange):
        return "77.5", "77.5"
    if isinstance(option.type, click.IntRange) or option.name == "batch_size":
        return "77", "77"
    if isinstance(option.type, click.File):
        (place / "list").touch()
        return "list", "list"
    return "x", "x"


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


# Where files are looked for.


def test_the_nearest_folder_with_a_section_counts_and_no_other(
    place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "a" / "b" / "c").mkdir(parents=True)
    (place / "setup.cfg").write_text(f"{CFG}max-errors = 1\nstrict = yes\n")
    (place / "a" / "setup.cfg").write_text(f"{CFG}max-errors = 2\n")
    (place / "a" / "b" / "pyproject.toml").write_text("[tool.other]\nmax-errors = 3\n")
    (place / "a" / "b" / "setup.cfg").write_text("[other]\nmax-errors = 4\n")
    monkeypatch.chdir(place / "a" / "b" / "c")
    rows = explain()
    assert rows["max-errors"] == ("2", ["../../setup.cfg"]) and rows["strict"][1] == ["default"]


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["repository", "worktree"])
def test_the_root_of_the_repository_ends_the_search(
    make: Any, place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "setup.cfg").write_text(f"{CFG}max-errors = 1\n")
    (place / "inner" / "deep").mkdir(parents=True)
    monkeypatch.chdir(place / "inner" / "deep")
    assert explain()["max-errors"][0] == "1"
    make(place / "inner" / ".git")
    assert explain()["max-errors"] == ("0", ["default"])
    (place / "inner" / "pyproject.toml").write_text(f"{TOML}max-errors = 2\n")
    assert explain()["max-errors"] == ("2", ["../pyproject.toml"])


def test_a_folder_that_everybody_may_write_to_is_not_believed(
    place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "inner").mkdir()
    (place / "setup.cfg").write_text(f"{CFG}max-errors = 1\n")
    monkeypatch.chdir(place / "inner")
    assert explain()["max-errors"][0] == "1"
    place.chmod(0o1777)
    assert explain()["max-errors"][1] == ["default"]
    monkeypatch.chdir(place)
    assert explain()["max-errors"][1] == ["default"]


def test_scanned_folders_are_never_searched(here: Path, scan: Any) -> None:
    for folder in ("in", "in/sub"):
        Path(folder, "pyproject.toml").write_text(f"{TOML}fail-on = 'never'\n")
        Path(folder, "setup.cfg").write_text("broken")
    run = scan("in", "--out", "-")
    assert run.code == 1 and len(run.rows) == 3


def test_config_names_one_file_instead(place: Path, explain: Any, refused: Any, monkeypatch: Any) -> None:
    (place / "pyproject.toml").write_text(f"{TOML}max-errors = 1\nstrict = true\n")
    (place / "other").mkdir()
    (place / "other" / "audit.toml").write_text(f"{TOML}max-errors = 2\n")
    (place / "other" / "audit.cfg").write_text(f"{CFG}max-errors = 3\n")
    rows = explain("--config", "other/audit.toml")
    assert rows["max-errors"] == ("2", ["other/audit.toml"]) and rows["strict"][1] == ["default"]
    monkeypatch.setenv("SCAN_CONFIG", "other/audit.cfg")
    assert explain()["max-errors"] == ("3", ["other/audit.cfg"])
    assert explain("--config", "other/audit.toml")["max-errors"][0] == "2"
    assert explain("--no-config")["max-errors"] == ("0", ["default"])
    monkeypatch.setenv("SCAN_NO_CONFIG", "1")
    assert "contradict" in refused()
    assert explain("--config", "other/audit.toml")["max-errors"][0] == "2"
    monkeypatch.delenv("SCAN_CONFIG")
    assert explain()["max-errors"] == ("0", ["default"])
    assert "contradict" in refused("--config", "other/audit.toml", "--no-config")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.toml", None, "cannot be read: No such file or directory"),
        ("empty.toml", "", "has no section [tool.deepfake-scanner]; add it"),
        ("other.cfg", "[tool.deepfake-scanner]\n", "has no section [tool:deepfake-scanner]; add it"),
        ("audit.json", "{}", "name a .toml file, or a .cfg file"),
        ("folder.toml", ..., "is no regular file"),
    ],
)
def test_a_named_file_must_be_one(name: str, content: Any, words: str, place: Path, refused: Any) -> None:
    if content is ...:
        Path(name).mkdir()
    elif content is not None:
        Path(name).write_text(content)
    error = refused("--config", name)
    assert name in error and words in error


# What a file may say.


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg"])
@pytest.mark.parametrize(
    "content",
    [b"[tool", b"caf\xe9 = 1", b"\x00", b"[a]\nb\n[a]\n", b"x = " + b"[" * 100_000],
    ids=["syntax", "latin-1", "nul", "twice", "deep"],
)
def test_a_broken_file_stops_the_scan_and_names_the_way_out(
    name: str, content: bytes, place: Path, refused: Any, explain: Any
) -> None:
    Path(name).write_bytes(content)
    error = refused()
    assert error.startswith(f"error: {name} is ") and error.endswith("pass --no-config to do without\n")
    assert error.count("\n") == 1
    assert explain("--no-config")["strict"][1] == ["default"]


def test_an_unreadable_file_stops_the_scan(refused: Any) -> None:
    Path("setup.cfg").symlink_to("setup.cfg")  # root may read everything else
    assert refused().startswith(
        "error: setup.cfg cannot be read: Too many levels of symbolic links; pass --no-config"
    )


def test_a_device_is_not_read(refused: Any) -> None:
    os.mkfifo("setup.cfg")
    assert "setup.cfg is no regular file; pass --no-config" in refused()


@pytest.mark.parametrize("content", [b"", b"[metadata]\nname = x\n", b"[DEFAULT]\ncolour = red\n"])
def test_a_file_without_our_section_is_nothing(content: bytes, explain: Any) -> None:
    Path("setup.cfg").write_bytes(content)
    Path("pyproject.toml").write_bytes(b"tool = 5\n")
    assert all(origins == ["default"] for _, origins in explain().values())


def test_others_defaults_do_not_leak_into_the_section(explain: Any) -> None:
    Path("setup.cfg").write_text(f"[DEFAULT]\ncolour = red\nstrict = yes\n{CFG}max-errors = 2\n")
    assert explain()["max-errors"][0] == "2" and explain()["strict"][1] == ["default"]


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
        ("fail-on = 'real'", "fail-on = real: 'real' is not one of 'fake', 'inconclusive', 'never'"),
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
WILD = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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

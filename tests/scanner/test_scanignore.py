"""``.scanignore``: the same answers as git's, on real folders; refusals that say where and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.support.errors import ExitCode
from scanner.sources import Candidate, ScanIgnore, ScanIgnoreError, Selection, walk
from scanner.sources.ignore_rules import read_rule
from scanner.sources.scanignore import MAX_BYTES, MAX_PATTERNS, parts_from_here


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*paths: str | bytes) -> None:
    for path in paths:
        file = Path(os.fsdecode(path))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def ignore(text: str | bytes, folder: str | Path = ".") -> Path:
    file = Path(folder, ".scanignore")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


class Run:
    """A drained walk."""

    def __init__(self, *operands: str, **selection: Any) -> None:
        self.used: list[tuple[str, str]] = []
        self.skipped: dict[str, str] = {}
        scanignore = ScanIgnore(lambda *used: self.used.append(used))
        found = walk(
            operands, Selection(**selection), on_skip=self.skipped.__setitem__, scanignore=scanignore
        )
        self.candidates: list[Candidate] = list(found)

    @property
    def names(self) -> list[str]:
        return [candidate.name for candidate in self.candidates]

    @property
    def left_out(self) -> dict[str, str]:
        return {name: str(kind) for name, kind in self.skipped.items() if "ignored" in kind}


@pytest.mark.usefixtures("empty")
class TestWhatIsLeftOut:
    def test_files_and_folders_are_counted_and_the_rest_has_rows(self) -> None:
        make("in/a.png", "in/a.jpg", "in/cache/b.png", "in/sub/cache/c.png", "in/sub/d.jpg")
        ignore("# not ours\n*.jpg\ncache/\n", "in")
        run = Run("in")
        assert run.names == ["in/a.png"]
        assert run.left_out == {
            "in/a.jpg": "ignored file", "in/cache": "ignored folder", "in/sub/cache": "ignored folder",
            "in/sub/d.jpg": "ignored file",
        }  # fmt: skip

    def test_an_ignored_folder_is_not_listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make("in/cache/b.png")
        ignore("cache\n", "in")
        real = os.scandir
        monkeypatch.setattr(os, "scandir", lambda path: real({"in": "in"}[path]))
        assert Run("in").left_out == {"in/cache": "ignored folder"}

    def test_without_it_nothing_is_left_out(self) -> None:
        make("in/a.png")
        ignore("*\n", "in")
        assert [c.name for c in walk(["in"], Selection())] == ["in/a.png"]

    def test_a_deeper_file_wins_and_a_later_line_too(self) -> None:
        make("in/a.png", "in/b.png", "in/sub/a.png", "in/sub/b.png")
        ignore("*.png\n!a.png\n", "in")
        ignore("!b.png\na.png\n", "in/sub")
        assert Run("in").names == ["in/a.png", "in/sub/b.png"]

    def test_nothing_is_brought_back_below_an_ignored_folder(self) -> None:
        make("in/sub/a.png", "in/deep/sub/a.png")
        ignore("sub\n!sub/a.png\n!a.png\n", "in")
        ignore("!a.png\n", "in/sub")
        assert Run("in").names == []

    def test_everything_but_some(self) -> None:
        make("a.png", "a.jpg", "in/b.png", "in/b.jpg", "in/sub/c.png")
        ignore("*\n!*/\n!*.png\n")
        assert Run(".").names == ["./a.png", "./in/b.png", "./in/sub/c.png"]
        ignore("/*\n!/in\n/in/*\n!/in/sub\n")
        assert Run(".").names == ["./in/sub/c.png"]

    def test_patterns_hold_from_their_own_folder_on(self) -> None:
        make("in/a/b.png", "in/c/a/b.png", "in/c/b.png")
        ignore("/a/\nc/b.png\n", "in")
        assert Run("in").names == ["in/c/a/b.png"]

    def test_the_folders_from_the_working_directory_down_count(self) -> None:
        make("in/sub/a.png", "in/sub/b.png", "in/sub/c.png", "in/sub/d.png")
        ignore("/in/sub/a.png\n")
        ignore("b.png\n", "in")
        ignore("c.png\n", "in/sub")
        for operand in ("in/sub", "./in/sub/", str(Path("in/sub").absolute()), "in/../in/sub"):
            assert [name[-5:] for name in Run(operand).names] == ["d.png"], operand

    def test_outside_of_the_working_directory_only_the_operand_and_below(
        self, empty: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make("in/a.png", "in/b.png", "desk/x.png")
        ignore("a.png\n")
        ignore("b.png\n", "in")
        monkeypatch.chdir("desk")
        ignore("a.png\n")
        assert Run("../in").names == ["../in/a.png"]
        assert Run(f"{empty}/in").names == [f"{empty}/in/a.png"]
        assert Run("..").names == ["../desk/x.png"]

    def test_a_named_folder_is_entered_whatever_is_said_of_it(self) -> None:
        make("in/a.png", "in/a.jpg")
        ignore("in/\n*.jpg\n")
        assert Run("in").names == ["in/a.png"]
        assert Run(".").names == []

    def test_links_are_what_they_are_called(self) -> None:
        make("in/a.png", "in/real/b.png", "elsewhere/c.png")
        Path("in/link.png").symlink_to("a.png")
        Path("in/folder").symlink_to("../elsewhere")
        ignore("link.png\nreal\n", "in")
        ignore("c.png\n")
        assert Run("in").names == ["in/a.png"]
        assert Run("in", follow_symlinks=True).names == ["in/a.png"]
        ignore("folder/\n", "in")
        run = Run("in", follow_symlinks=True)
        assert run.left_out == {"in/folder": "ignored folder"} and "in/real/b.png" in run.names
        assert Run("in").skipped["in/folder"] == "symlinked folder"

    def test_behind_a_link_two_dots_are_not_the_folder_before_it(self) -> None:
        make("far/away/x.png", "far/b.png", "b.png")
        Path("link").symlink_to("far/away")
        assert parts_from_here("link/../b.png") is None
        assert parts_from_here("far/../b.png") == ["b.png"]

    def test_other_ways_to_leave_out_keep_their_names(self) -> None:
        make("in/a.png", "in/sub/b.png", "in/.git/c.png")
        ignore("*\n", "in")
        run = Run("in", exclude=("a.png", "sub"))
        assert run.skipped == {
            "in/.git": ".git folder", "in/.scanignore": "ignored file", "in/a.png": "excluded file",
            "in/sub": "excluded folder",
        }  # fmt: skip

    def test_wild_names_are_matched(self) -> None:
        make(
            b"in/\xff.png", b"in/\xc3\xa9.png", "in/new\nline.png", "in/fol\nder/x.jpg", "in/a ", "in/b.png\n"
        )
        ignore("é.png\nnew*\nfol?der/*.jpg\n?.png\na\\ \n", "in")
        assert Run("in").left_out.keys() == {
            "in/\\xff.png", "in/é.png", "in/new\nline.png", "in/fol\nder/x.jpg", "in/a "
        }  # fmt: skip

    def test_many_stars_take_no_time(self) -> None:
        name = "a" * 250
        make(f"in/{name}.png", f"in/{name}b.jpg")
        ignore("*a" * 60 + "*b\n" + "**/" * 60 + "*a" * 60 + "b.jpg\n", "in")
        before = time.process_time()
        assert Run("in").names == [f"in/{name}.png"]
        assert time.process_time() - before < 5

    def test_a_path_deeper_than_pythons_stack(self) -> None:
        deepest = "/".join(["d"] * 1500)
        ignore("**/x.png\n")
        rule = ScanIgnore().decided_by([*deepest.split("/"), "x.png"], is_folder=False)
        assert rule is not None and rule.where == ".scanignore, line 1"

    def test_the_files_that_were_followed_are_told(self) -> None:
        make("in/a.png", "in/sub/b.png")
        texts = {".scanignore": "x\n", "in/.scanignore": "y\n", "in/sub/.scanignore": "# nothing\n"}
        for name, text in texts.items():
            ignore(text, Path(name).parent)
        run = Run("in", "in/sub")
        assert set(run.used) == {
            (name, hashlib.sha256(text.encode()).hexdigest()) for name, text in texts.items()
        }
        assert len(run.used) == len(texts), "each is read once"

    def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_pattern(self) -> None:
        make("in/a.png", "in/b.png", "in/c.png")
        ignore(b"\xef\xbb\xbfa.png\r\nb.png\r\n", "in")
        assert Run("in").names == ["in/c.png"]

    def test_pathspec_is_loaded_only_for_such_a_file(self) -> None:
        make("in/a.png")
        code = (
            "import sys; from scanner.sources import *; "
            "list(walk(['in'], Selection(), scanignore=ScanIgnore())); print('pathspec' in sys.modules)"
        )
        for expected in ("False", "True"):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            assert done.stdout.strip() == expected
            ignore("*.jpg\n", "in")


@pytest.mark.usefixtures("empty")
class TestRefused:
    def refusal(self, *operands: str) -> str:
        with pytest.raises(ScanIgnoreError) as refused:
            Run(*operands or ("in",))
        assert refused.value.exit_code is ExitCode.INCOMPLETE
        assert str(refused.value).endswith(", or scan everything with --no-scanignore")
        return str(refused.value)

    @pytest.mark.parametrize(
        "line",
        [
            "a[", "a[]", "a[!]", "a\\", "a/b\\/c", "a[z-a]", "a[[:alpha:]]", "[a\\]]", "[[]", "[a--b]", "[a&&b]", "/",
            "!", "!/", "//", "a//b", "//a", "a//", "./a", "a/../b", "..", "nul\0byte",
        ],
    )  # fmt: skip
    def test_a_pattern_that_means_nothing_is_named(self, line: str) -> None:
        make("in/a.png")
        ignore(f"# first\n*.jpg\n{line}\n", "in")
        assert self.refusal().startswith("in/.scanignore, line 3 (")

    def test_bytes_that_are_no_utf8(self) -> None:
        ignore(b"a\ncaf\xe9\n", "in")
        assert self.refusal().startswith("in/.scanignore, line 2 cannot be followed: it is not UTF-8;")
        ignore("a\n".encode("utf-16"), "in")
        assert "line 1" in self.refusal()

    def test_what_is_no_file_and_a_link(self, tmp_path: Path) -> None:
        Path("in").mkdir()
        file = Path("in/.scanignore")
        os.mkfifo(file)
        assert "in/.scanignore cannot be followed: it is a FIFO; remove it" in self.refusal()
        file.unlink()
        file.mkdir()
        assert "it is a folder" in self.refusal()
        file.rmdir()
        (tmp_path / "patterns").write_text("*\n")
        file.symlink_to("../patterns")
        assert "it is a link; put a file in its place" in self.refusal()

    def test_one_that_may_not_be_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ignore("a\n")
        make("in/a.png")
        real = os.open

        def refuse(path: str, *args: int) -> int:
            if path == ".scanignore":
                raise PermissionError(13, "Permission denied", path)
            return real(path, *args)

        monkeypatch.setattr(os, "open", refuse)
        assert self.refusal().startswith(
            ".scanignore cannot be followed: Permission denied; make it readable"
        )

    def test_too_large_and_too_many(self) -> None:
        ignore("#" * (MAX_BYTES + 1), "in")
        assert "more than 1,048,576 bytes" in self.refusal()
        ignore("#" * MAX_BYTES, "in")
        assert Run("in").left_out == {}
        ignore("a\n" * MAX_PATTERNS, "in")
        assert Run("in").left_out == {}
        ignore("a\n" * MAX_PATTERNS + "b\n", "in")
        assert f"line {MAX_PATTERNS + 1}" in self.refusal()

    def test_what_went_before_stays(self) -> None:
        make("in/a.png", "in/b/c.png")
        ignore("[\n", "in/b")
        found = walk(["in"], Selection(), scanignore=ScanIgnore())
        assert next(found).name == "in/a.png"
        with pytest.raises(ScanIgnoreError):
            next(found)


@pytest.mark.usefixtures("empty")
class TestNamedFiles:
    def reasons(self, *operands: str, **selection: Any) -> list[str]:
        """Each candidate's reason; empty if it is to be scanned."""
        run = Run(*operands, force_exclude=True, **selection)
        assert all(c.explicit and (c.problem is None or c.problem == "excluded") for c in run.candidates)
        assert run.skipped == {}
        return [c.detail for c in run.candidates]

    def test_they_are_scanned_whatever_is_said_of_them(self) -> None:
        make("in/a.png")
        ignore("in\n*.png\n")
        run = Run("in/a.png", exclude=("*.png",))
        assert [(c.name, c.problem) for c in run.candidates] == [("in/a.png", None)]

    def test_unless_that_is_forced(self) -> None:
        make("in/sub/a.png", "in/b.png", "c.png", "d.jpg")
        ignore("# all of\nsub/\n", "in")
        ignore("c.png\n")
        assert self.reasons("in/sub/a.png", "in/b.png", "./c.png", "d.jpg", exclude=("*.jpg",)) == [
            "by in/.scanignore, line 2", "", "by .scanignore, line 1", "by --exclude",
        ]  # fmt: skip

    def test_an_exclude_holds_from_the_working_directory_on(self) -> None:
        make("in/sub/a.png", "in/b.png")
        assert self.reasons("in/sub/a.png", "in/b.png", exclude=("sub/",)) == ["by --exclude", ""]
        assert self.reasons("in/sub/a.png", "in/b.png", exclude=("/in/sub/*",)) == ["by --exclude", ""]
        assert self.reasons("in/sub/a.png", "in/b.png", exclude=("in",)) == ["by --exclude"] * 2
        assert self.reasons("in/b.png", exclude=("b.png/",), include=("*.jpg",)) == [""]

    def test_outside_only_the_name_counts(self, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make("in/a.png", "c.png", "desk/x")
        ignore("a.png\n", "in")
        monkeypatch.chdir("desk")
        paths = ("../in/a.png",)
        assert self.reasons(*paths, exclude=("in", empty.name)) == [""]
        assert self.reasons(*paths, exclude=("a.*",)) == ["by --exclude"]
        assert Run("..", force_exclude=True, exclude=(".*",)).names == ["../c.png"]

    def test_a_named_folder_that_is_left_out_has_a_row(self) -> None:
        make("in/a.png")
        ignore("in/\n")
        assert self.reasons("in") == ["by .scanignore, line 1"]
        make("b.png")
        assert Run(".", force_exclude=True, exclude=(".*",)).names == ["./b.png"]

    def test_what_does_not_exist_is_left_out_too_or_not_found(self) -> None:
        ignore("*.png\n")
        run = Run("gone.png", "gone.jpg", "a\0b", "x" * 300, "in/../..", force_exclude=True)
        assert [str(c.problem) for c in run.candidates] == ["excluded", *["not_found"] * 4]


class TestCommand:
    """``here`` holds ``in/dark.png``, ``in/light.jpg`` and ``in/sub/deep.png``."""

    def test_what_is_left_out_is_told_everywhere(self, here: Path, scan: Any, rows_of: Any) -> None:
        file = ignore("*.jpg\nsub/\n", "in")
        run = scan("in", "--out", "r.csv", "--out", "r.html", "--list-skipped")
        assert run.code == ExitCode.OK
        assert [row["path"] for row in rows_of(here / "r.csv")] == ["in/dark.png"]
        for line in ("no row: in/light.jpg (ignored file)", "no row: in/sub (ignored folder)"):
            assert line in run.err.splitlines()
        words = "1 files, 1 folders (with all that they hold)"
        assert f"  left out by .scanignore: {words}; --no-scanignore scans them" in run.err.splitlines()
        assert f"<dt>left out by .scanignore</dt><dd>{words}</dd>" in (here / "r.html").read_text()
        manifest = json.loads((here / "r.run.json").read_text())
        assert manifest["counts"]["other_files"] == {".scanignore": 1, "ignored file": 1, "ignored folder": 1}
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert manifest["scanignore"] == [{"path": "in/.scanignore", "sha256": digest}]
        assert manifest["options"]["scanignore"] is True

    def test_it_is_switched_off_by_option_and_environment(
        self, here: Path, scan: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ignore("*\n[\n")
        assert len(scan("in", "--out", "-", "--no-scanignore").rows) == 3
        monkeypatch.setenv("SCAN_NO_SCANIGNORE", "1")
        run = scan("in", "--out", "r.csv")
        assert "left out" not in run.err
        manifest = json.loads((here / "r.run.json").read_text())
        assert (manifest["scanignore"], manifest["options"]["scanignore"]) == ([], False)

    def test_one_that_cannot_be_followed_ends_the_run_and_the_same_command_continues(
        self, here: Path, scan: Any, rows_of: Any
    ) -> None:
        file = ignore("a\n[\n", "in/sub")
        run = scan("in", "--out", "r.csv", "-q")
        assert run.code == ExitCode.INCOMPLETE and not (here / "r.csv").exists()
        (line,) = run.err.splitlines()
        assert line == (
            "error: in/sub/.scanignore, line 2 ([) cannot be followed: the bracket has no end; "
            "write \\[ for a bracket, or scan everything with --no-scanignore"
        )
        file.unlink()
        assert scan("in", "--out", "r.csv").code == ExitCode.FINDINGS
        assert len(rows_of(here / "r.csv")) == 3

    def test_nothing_left_to_scan_says_why(self, here: Path, scan: Any) -> None:
        ignore("*\n", "in")
        run = scan("in", "--out", "r.csv")
        assert run.code == ExitCode.INCOMPLETE
        assert "left out by .scanignore: 3 files, 1 folders" in run.err

    def test_a_named_file_is_skipped_only_if_forced_and_never_an_error(self, here: Path, scan: Any) -> None:
        ignore("*.jpg\n")
        names = ("in/dark.png", "in/light.jpg")
        assert [row["status"] for row in scan(*names, "--out", "-").rows] == ["ok", "ok"]
        run = scan(*names, "--out", "-", "--force-exclude", "--strict", "-v")
        assert run.code == ExitCode.OK
        assert [(row["status"], row["error"]) for row in run.rows] == [("ok", ""), ("skipped", "excluded")]
        assert "in/light.jpg: excluded (by .scanignore, line 1)" in run.err
        assert scan("in", "in/light.jpg", "--out", "-", "--force-exclude").rows[-1]["error"] == "excluded"


# Against git itself. Not among the patterns: what we refuse, and stars beside other characters in a run (``a**/b``),
# which git reads in two ways. Nor letters beyond ASCII, of which ``?`` takes one byte in git.
NAMES = ("a", "b", "ab", "a.x", "b.x", ".a", "a b", "-", "!a", "#a", "A")
FILES = st.sets(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join), min_size=1, max_size=8
)
GLOBS = (
    *NAMES[:-2], "\\!a", "\\#a", "*", "?", "**", "a*", "*b", "*.x", "?.x", "[ab]", "[!a]", "[^a]*", "[a-b]*", "[]a]",
    "a\\ b", "\\a", "*a*b*", "a?b", "[+-9]", "a[!b]x", "***",
)  # fmt: skip
PATTERN = st.builds(
    lambda bang, start, parts, end: f"{bang}{start}{'/'.join(parts)}{end}",
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/", "**/"]),
    st.lists(st.sampled_from(GLOBS), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**", "/*", " ", "  "]),
)
LINES = st.lists(st.one_of(PATTERN, PATTERN, st.sampled_from(["", "# a", "*"])), max_size=6)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def by_git(repository: Path) -> Callable[[Path], set[str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def kept(folder: Path) -> set[str]:
        """The files below a folder that git does not ignore."""
        files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
        files = {file for file in files if not file.endswith("ignore")}
        asked = b"".join(os.fsencode(file) + b"\0" for file in files)
        done = subprocess.run(
            ["git", "check-ignore", "--no-index", "-z", "--stdin"],
            input=asked, cwd=folder, env=env, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        return files - {os.fsdecode(file) for file in done.stdout.split(b"\0")}

    return kept


def tree(folder: Path, files: set[str], patterns: dict[str, list[str]]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in sorted(files, key=len, reverse=True):
        path = folder / file
        if not path.exists():  # a folder already, by a longer one
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    for below, lines in patterns.items():
        if (folder / below).is_dir():
            for name in (".gitignore", ".scanignore"):
                (folder / below / name).write_text("\n".join(lines))


def ours(folder: Path) -> set[str]:
    """The files that a walk looks at; it opens none that are empty and no image, so all others are told as skipped."""
    seen: set[str] = set()

    def on_skip(name: str, kind: str) -> None:
        if "ignored" not in kind:
            seen.add(name)

    candidates = walk([str(folder)], Selection(), on_skip=on_skip, scanignore=ScanIgnore())
    assert list(candidates) == []
    below = {name.removeprefix(f"{folder}/") for name in seen}
    return {name for name in below if not name.endswith("ignore")}


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(FILES, LINES, st.dictionaries(st.sampled_from(["a", "b", "a/b", "ab"]), LINES, max_size=2))
@example({"a/b/c.x", "b"}, ["a/**", "!a/b/c.x"], {})
@example({"a/b/c.x"}, ["a/**", "!a/b/"], {})
@example({"a/b/c.x", "a/c.x"}, ["*", "!*/", "!*.x"], {"a/b": ["*.x"]})
@example({"a/b/a.x", "a.x"}, ["a/**/a.x", "**/b/", "!b/"], {"a": ["!b"]})
@example({"a/b/ab"}, ["a[!b]x", "**/a[+-9]b", "a[!x]b"], {})
def test_the_same_files_as_git(
    repository: Path, by_git: Any, files: set[str], top: list[str], deeper: dict[str, list[str]]
) -> None:
    folder = repository / "tree"
    tree(folder, files, {"": top, **deeper})
    assert ours(folder) == by_git(folder)


@pytest.mark.parametrize("line", ["", "   ", "# a", "#"])
def test_empty_lines_and_comments_are_no_rules(line: str) -> None:
    assert read_rule(line, "here") is None

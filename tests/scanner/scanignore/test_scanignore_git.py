"""``.scanignore``: the same answers as git's."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ignored_folders import ours

from scanner.sources.ignore_rules import read_rule

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


@pytest.mark.slow
@settings(max_examples=60)
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

"""``--media-only``: what is named is taken as a folder's walk would take it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.results import ErrorCode
from scanner.sources import Candidate, ScanIgnore, Selection, SkipType, walk

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(path: str, content: bytes = PNG) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


class Run:
    def __init__(self, *operands: str, **selection: Any):
        self.skipped: list[tuple[str, str]] = []
        found = walk(
            operands,
            Selection(**{"media_only": True} | selection),
            on_skip=lambda name, type_: self.skipped.append((name, str(type_))),
            scanignore=ScanIgnore(),
        )
        self.candidates: list[Candidate] = list(found)
        self.names = [candidate.name for candidate in self.candidates]


def test_other_files_are_counted_by_type_and_media_have_a_row() -> None:
    make("notes.txt", b"text")
    make("photo")
    make("text.jpg", b"text")
    make("film.mp4", MP4)
    make("._a.jpg", APPLE_DOUBLE)
    run = Run("notes.txt", "photo", "text.jpg", "film.mp4", "._a.jpg")
    assert run.names == ["photo", "text.jpg", "film.mp4"]
    assert all(candidate.explicit for candidate in run.candidates)
    assert run.skipped == [("notes.txt", ".txt"), ("._a.jpg", SkipType.COMPANION)]


def test_what_is_not_there_is_not_left_out_in_silence() -> None:
    make("notes.txt", b"text")
    run = Run("gone.txt", "gone.png", "notes.txt/x", "a\0b")
    assert [candidate.problem for candidate in run.candidates] == [ErrorCode.NOT_FOUND] * 4


def test_links_are_what_a_folder_takes_them_for() -> None:
    make("far/photo.dat")
    make("far/notes.txt", b"text")
    for name, target in (
        ("to photo", "far/photo.dat"),
        ("to notes", "far/notes.txt"),
        ("to folder", "far"),
        ("nowhere.png", "gone"),
        ("nowhere", "gone"),
    ):
        Path(name).symlink_to(target)
    os.mkfifo("pipe")
    names = ("to photo", "to notes", "to folder", "nowhere.png", "nowhere", "pipe")
    run = Run(*names)
    assert [(c.name, c.problem) for c in run.candidates] == [
        ("to photo", None),
        ("nowhere.png", ErrorCode.NOT_FOUND),
    ]
    assert [type_ for _, type_ in run.skipped] == [
        SkipType.NO_SUFFIX,
        SkipType.LINKED_FOLDER,
        SkipType.DANGLING_LINK,
        SkipType.SPECIAL_FILE,
    ]
    assert "to folder/photo.dat" in Run("to folder", follow_symlinks=True).names


def test_a_folder_is_walked_as_a_submodule_is_named() -> None:
    make("module/.git", b"gitdir: ../.git/modules/module")
    make("module/a.png")
    make("module/notes.txt", b"text")
    assert Run("module").names == ["module/a.png"]


def test_a_file_named_twice_is_counted_once() -> None:
    make("notes.txt", b"text")
    make("photo")
    run = Run("notes.txt", "./notes.txt", "photo", "./photo")
    assert run.names == ["photo"] and run.skipped == [("notes.txt", ".txt")]


def test_what_is_left_out_keeps_its_row_if_its_name_says_media() -> None:
    make(".scanignore", b"vendor/\n")
    for name in ("vendor/a.png", "vendor/b.txt", "vendor/c", "x/d.txt", "x/e.mp4"):
        make(name)
    run = Run(
        "vendor/a.png", "vendor/b.txt", "vendor/c", "x/d.txt", "x/e.mp4", force_exclude=True, exclude=("x/",)
    )
    assert [(c.name, c.problem) for c in run.candidates] == [
        ("vendor/a.png", ErrorCode.EXCLUDED),
        ("x/e.mp4", ErrorCode.EXCLUDED),
    ]
    assert [type_ for _, type_ in run.skipped] == [SkipType.IGNORED_FILE] * 2 + [SkipType.EXCLUDED_FILE]


NAMES = st.binary(min_size=1, max_size=8).filter(
    lambda name: name not in (b".", b"..") and not set(name) & set(b"\0/")
)
CONTENTS = st.sampled_from([PNG, MP4, b"text", b"", APPLE_DOUBLE, b"BM"])


@settings(max_examples=60)
@given(st.dictionaries(st.one_of(NAMES, NAMES.map(lambda name: name + b".jpg")), CONTENTS, max_size=6))
def test_naming_every_file_gives_the_rows_of_the_tree(files: dict[bytes, bytes]) -> None:
    subprocess.run(["rm", "-rf", "tree"], check=True)
    Path("tree").mkdir()
    for name, content in files.items():
        Path(os.fsdecode(b"tree/" + name)).write_bytes(content)
    tree = Run("tree", media_only=False)
    named = Run(*(f"tree/{os.fsdecode(name)}" for name in sorted(files)))
    assert (named.names, named.skipped) == (tree.names, tree.skipped)


@pytest.mark.slow
def test_the_command_counts_what_has_no_row(scan: Callable[..., Any], grey: Callable[..., Path]) -> None:
    grey("in/a.png", 40)
    make("in/notes.txt", b"text")
    Path("list").write_text("in/a.png\nin/notes.txt\n")
    assert scan("--files-from", "list", "--out", "r.csv").code == 2
    run = scan("--files-from", "list", "--media-only", "--out", "r.csv")
    assert run.code == 0 and "1 other files have no row (1 .txt)" in run.err
    manifest = json.loads(Path("r.run.json").read_text())
    assert manifest["counts"]["other_files"] == {".txt": 1} and manifest["options"]["media_only"] is True
    assert scan("in/notes.txt", "--media-only", "--out", "r.csv").code == 2, "nothing to scan"
    assert scan("in/notes.txt", "--media-only", "--allow-empty", "--out", "r.csv").code == 0

"""``.scanignore``: what is left out, on real folders."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ignored_folders import Run, ignore, make

from scanner.sources import ScanIgnore, Selection, walk
from scanner.sources.scanignore import parts_from_here


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

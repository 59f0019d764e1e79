"""Which files get a row, in which order and under which name: on real folders."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walked_folders import PNG, Run, make

from scanner.results.names import decode_path
from scanner.sources import Selection, expand_glob, walk


@pytest.mark.usefixtures("here")
class TestNamesAndOrder:
    def test_the_operand_stays_as_typed(self, here: Path) -> None:
        make("in/a.png")
        make("in/sub/b.png")
        assert Run("in").names == ["in/a.png", "in/sub/b.png"]
        assert Run("./in/").names == ["./in/a.png", "./in/sub/b.png"]
        assert Run("in///").names == ["in/a.png", "in/sub/b.png"]
        assert Run("in/../in").names == ["in/../in/a.png", "in/../in/sub/b.png"]
        assert Run(".").names == ["./in/a.png", "./in/sub/b.png"]
        assert Run(f"{here}/in").names == [f"{here}/in/a.png", f"{here}/in/sub/b.png"]
        assert Run("./in/a.png").names == ["./in/a.png"]

    def test_the_root_folder_gives_no_double_slash(self, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
        make("a.png")
        real = os.scandir
        monkeypatch.setattr(os, "scandir", lambda path: real(here if path == "/" else path))
        assert Run("/").names == ["/a.png"]

    def test_folders_and_files_are_in_byte_order_by_component(self) -> None:
        for path in ("in/a.png", "in/a/z.png", "in/a b/x.png", "in/B.png", "in/é.png", "in/z.png"):
            make(path)
        assert Run("in").names == [
            "in/B.png",
            "in/a/z.png",
            "in/a b/x.png",
            "in/a.png",
            "in/z.png",
            "in/é.png",
        ]

    def test_operands_keep_their_order(self) -> None:
        make("b/1.png")
        make("a/2.png")
        make("c.png")
        assert Run("c.png", "b", "a").names == ["c.png", "b/1.png", "a/2.png"]

    def test_wild_names_are_written_by_the_law_and_lead_back(self) -> None:
        raw_names = [b"=cmd.png", b"two\nlines.png", b"caf\xe9.png", b"back\\slash.png", b"-rf.png"]
        for raw in raw_names:
            make(raw)
        run = Run(*(os.fsdecode(raw) for raw in raw_names))
        assert run.names == ["./=cmd.png", "two\nlines.png", "caf\\xe9.png", "back\\\\slash.png", "./-rf.png"]
        assert [os.fsencode(c.path) for c in run.candidates] == raw_names
        assert all(Path(decode_path(name)).read_bytes() == PNG for name in run.names)
        assert sorted(Run(".").names) == sorted(f"./{name.removeprefix('./')}" for name in run.names)

    def test_a_folder_deeper_than_pythons_stack_is_walked(self) -> None:
        deepest = "/".join(["d"] * 250)
        make(f"{deepest}/a.png")
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(len(inspect.stack()) + 100)
        try:
            names = Run("d").names
            matched = list(expand_glob("**/*.png"))
        finally:
            sys.setrecursionlimit(limit)
        assert names == matched == [f"{deepest}/a.png"]

    @settings(max_examples=40)
    @given(
        st.sets(
            st.lists(
                st.lists(
                    st.sampled_from([b"a", b"b", b".", b"-", b" ", b"\xc3\xa9", b"\xff", b"B"]),
                    min_size=1,
                    max_size=3,
                )
                .map(b"".join)
                .filter(lambda part: part not in (b".", b"..")),
                min_size=1,
                max_size=4,
            ).map(tuple),
            max_size=12,
        )
    )
    def test_order_is_that_of_sorted_components(self, paths: set[tuple[bytes, ...]]) -> None:
        with tempfile.TemporaryDirectory() as top:
            root = os.fsencode(top)
            # A file's name ends in .png, a folder's does not, so that no path is in another's way.
            files = {(*folders, name + b".png") for *folders, name in paths}
            for parts in files:
                Path(os.fsdecode(b"/".join((root, *parts[:-1])))).mkdir(parents=True, exist_ok=True)
                Path(os.fsdecode(b"/".join((root, *parts)))).touch()
            walked = [os.fsencode(c.path) for c in Run(top).candidates]
            assert walked == [b"/".join((root, *parts)) for parts in sorted(files)]

    def test_one_folder_at_a_time_is_listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make("in/a/1.png")
        make("in/b/2.png")
        listed: list[str] = []
        real = os.scandir

        def record(path: str) -> object:
            listed.append(path)
            return real(path)

        monkeypatch.setattr(os, "scandir", record)
        candidates = walk(["in"], Selection())
        next(candidates)
        assert listed == ["in", "in/a"]
        next(candidates)
        assert listed == ["in", "in/a", "in/b"]

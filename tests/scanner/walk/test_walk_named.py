"""Files that are named explicitly, more than once, or excluded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from walked_folders import JPEG, MP4, Run, make, refusing

from scanner.results import ErrorCode
from scanner.sources import MediaKind, Operand, Selection, SkipType, walk


@pytest.mark.usefixtures("here")
class TestExplicitFiles:
    def test_a_named_file_always_has_a_row(self) -> None:
        make("notes.txt", b"text")
        make("film.mp4", MP4)
        make("photo", JPEG)
        run = Run("notes.txt", "film.mp4", "photo", "missing.png", "notes.txt/x.png")
        assert [(c.name, c.kind, c.problem) for c in run.candidates] == [
            ("notes.txt", MediaKind.UNKNOWN, None),
            ("film.mp4", MediaKind.OTHER_MEDIA, None),
            ("photo", MediaKind.IMAGE, None),
            ("missing.png", MediaKind.IMAGE, ErrorCode.NOT_FOUND),
            ("notes.txt/x.png", MediaKind.IMAGE, ErrorCode.NOT_FOUND),
        ]
        assert all(c.explicit for c in run.candidates)
        assert run.skipped == []

    @pytest.mark.parametrize("path", ["", "x" * 300, "a\0b.png", "missing/"])
    def test_a_path_that_cannot_be_is_not_found(self, path: str) -> None:
        assert Run(path).one.problem is ErrorCode.NOT_FOUND

    def test_patterns_do_not_touch_it(self) -> None:
        make("a.png")
        make("in/a.png")
        selection = Selection(exclude=("*.png", "in"), include=("*.jpg",))
        assert Run("a.png", selection=selection).names == ["a.png"]
        make("in/b.jpg")
        # Nor an operand folder itself.
        assert Run("in", selection=selection).names == ["in/b.jpg"]

    def test_files_that_a_glob_matched_are_named_and_folders_are_walked(self) -> None:
        make("in/a.txt", b"text")
        make("in/b/c.txt", b"text")
        make("in/b/d.png")
        run = Run("in/*")
        assert [(c.name, c.explicit) for c in run.candidates] == [("in/a.txt", True), ("in/b/d.png", False)]
        assert run.skipped == [("in/b/c.txt", ".txt")]

    def test_a_glob_without_a_match_is_not_found(self) -> None:
        run = Run("*.png")
        assert (run.one.name, run.one.problem, run.one.explicit) == ("*.png", ErrorCode.NOT_FOUND, True)

    def test_a_listed_name_is_no_glob(self) -> None:
        make("a1.png")
        run = Run(Operand("a?.png", literal=True))
        assert (run.one.name, run.one.problem) == ("a?.png", ErrorCode.NOT_FOUND)

    def test_operands_are_taken_one_after_the_other(self) -> None:
        make("a.png")
        taken: list[str] = []

        def endless() -> Iterator[str]:
            while True:
                taken.append("a.png")
                yield f"missing{len(taken)}.png"

        found = walk(endless(), Selection())
        assert next(found).name == "missing1.png"
        assert len(taken) == 2


@pytest.mark.usefixtures("here")
class TestOnce:
    def test_a_file_reached_twice_comes_at_its_first_place(self, here: Path) -> None:
        make("in/a.png")
        make("in/sub/b.png")
        Path("alias").symlink_to("in")
        assert Run("in/sub/b.png", "in").names == ["in/sub/b.png", "in/a.png"]
        assert Run("in", "./in", "in/sub", "alias", "in/a.png", f"{here}/in").names == [
            "in/a.png",
            "in/sub/b.png",
        ]
        assert Run("alias/a.png", "in/../in/a.png").names == ["alias/a.png"]

    def test_copies_hard_links_and_links_are_files_of_their_own(self) -> None:
        make("in/a.png")
        Path("in/hard.png").hardlink_to("in/a.png")
        Path("in/soft.png").symlink_to("a.png")
        make("in/copy.png")
        assert Run("in", "in").names == ["in/a.png", "in/copy.png", "in/hard.png", "in/soft.png"]

    def test_missing_files_and_problems_come_once_and_hide_no_file(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make("a.png")
        assert Run("missing.png", "missing.png").names == ["missing.png"]
        assert Run("a.png/", "a.png").names == ["a.png/", "a.png"]
        make("in/closed/a.png")
        monkeypatch.setattr(os, "scandir", refusing(os.scandir, "in/closed"))
        assert Run("in", "in").names == ["in/closed"]

    def test_other_files_are_counted_once(self) -> None:
        make("in/notes.txt", b"text")
        make("in/.git/config", b"text")
        assert Run("in", "in").skipped == [("in/.git", SkipType.GIT_FOLDER), ("in/notes.txt", ".txt")]

    def test_a_file_named_after_it_was_passed_over_still_has_a_row(self) -> None:
        make("in/notes.txt", b"text")
        make("in/a.png")
        selection = Selection(exclude=("a.png",))
        assert Run("in", "in/notes.txt", "in/a.png", selection=selection).names == [
            "in/notes.txt",
            "in/a.png",
        ]

    def test_nothing_is_counted_that_has_a_row(self) -> None:
        make("in/notes.txt", b"text")
        run = Run("in/notes.txt", "in")
        assert run.names == ["in/notes.txt"]
        assert run.skipped == []


@pytest.mark.usefixtures("here")
class TestWhatIsLeftOut:
    def test_git_folders_but_not_files_of_that_name(self) -> None:
        make("in/.git/a.png")
        make("in/sub/.git", b"gitdir: ../x")
        make("in/.github/b.png")
        run = Run("in")
        assert run.names == ["in/.github/b.png"]
        assert run.skipped == [("in/.git", SkipType.GIT_FOLDER), ("in/sub/.git", ".git")]
        assert Run("in/.git").names == ["in/.git/a.png"]

    def test_own_outputs_however_they_are_reached(self, here: Path) -> None:
        make("in/report.png")
        make("in/sub/report.png")
        make("in/journal/x.png")
        Path("alias").symlink_to("in")
        own = (f"{here}/in/report.png", f"{here}/alias/journal/")
        for operand in ("in", "./in/", "alias", f"{here}/in"):
            run = Run(operand, ignore=own)
            assert [name.removeprefix(operand.rstrip("/")) for name in run.names] == ["/sub/report.png"]
            assert run.skipped == []
        assert Run("in/report.png", "alias/report.png", "in/journal", ignore=own).names == []

    def test_no_recursive_counts_the_subfolders(self) -> None:
        make("in/a.png")
        make("in/sub/b.png")
        run = Run("in", selection=Selection(recursive=False))
        assert run.names == ["in/a.png"]
        assert run.skipped == [("in/sub", SkipType.SUBFOLDER)]

    def test_patterns_count_what_they_leave_out(self) -> None:
        for name in ("in/a.png", "in/b.jpg", "in/cache/c.jpg", "in/sub/d.jpg", "in/sub/thumb.jpg"):
            make(name)
        Path("in/linked").symlink_to("sub")
        run = Run("in", selection=Selection(include=("*.jpg",), exclude=("cache", "sub/t*")))
        assert run.names == ["in/b.jpg", "in/sub/d.jpg"]
        assert run.skipped == [
            ("in/a.png", SkipType.EXCLUDED_FILE),
            ("in/cache", SkipType.EXCLUDED_FOLDER),
            ("in/linked", SkipType.LINKED_FOLDER),
            ("in/sub/thumb.jpg", SkipType.EXCLUDED_FILE),
        ]

    def test_excluded_files_are_not_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make("in/a.bin", b"text")
        monkeypatch.setattr(os, "open", refusing(os.open, "in/a.bin"))
        assert Run("in", selection=Selection(exclude=("*.bin",))).candidates == []

    def test_an_empty_folder_has_no_candidates(self) -> None:
        Path("in").mkdir()
        assert Run("in").candidates == []
        assert Run().candidates == []

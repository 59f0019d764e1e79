"""Links and special files are followed, named or left alone."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from walked_folders import JPEG, Run, make

from scanner.results import ErrorCode
from scanner.sources import Selection, SkipType


@pytest.mark.usefixtures("here")
class TestLinksAndSpecialFiles:
    def test_links_to_files_are_followed_and_links_to_folders_are_not(self) -> None:
        make("elsewhere/a.png")
        make("elsewhere/photo", JPEG)
        Path("in").mkdir()
        Path("in/link.png").symlink_to("../elsewhere/a.png")
        Path("in/link").symlink_to("../elsewhere/photo")
        Path("in/folder.png").symlink_to("../elsewhere")
        run = Run("in")
        assert run.names == ["in/link", "in/link.png"]
        assert run.skipped == [("in/folder.png", SkipType.LINKED_FOLDER)]

    def test_an_operand_that_is_a_link_to_a_folder_is_walked(self) -> None:
        make("elsewhere/a.png")
        Path("in").symlink_to("elsewhere")
        assert Run("in").names == ["in/a.png"]

    def test_loops_end(self) -> None:
        make("in/a.png")
        Path("in/up").symlink_to("..")
        Path("in/self.png").symlink_to("self.png")
        Path("in/self").symlink_to("self")
        run = Run("in")
        assert [(c.name, c.problem) for c in run.candidates] == [
            ("in/a.png", None),
            ("in/self.png", ErrorCode.NOT_FOUND),
        ]
        assert run.skipped == [("in/self", SkipType.DANGLING_LINK), ("in/up", SkipType.LINKED_FOLDER)]

    def test_links_to_folders_are_followed_when_asked_and_each_real_file_comes_once(self) -> None:
        for name in (
            "in/a.png",
            "in/z/b.png",
            "elsewhere/c.png",
            "elsewhere/deep/d.png",
            "elsewhere/.git/e.png",
        ):
            make(name)
        Path("in/b").symlink_to("../elsewhere")
        Path("in/c").symlink_to("../elsewhere/deep")
        Path("in/d.png").symlink_to("a.png")
        Path("in/e.png").symlink_to("../elsewhere/c.png")
        Path("in/f.png").symlink_to("nowhere")
        Path("in/g").symlink_to("../elsewhere/.git")
        Path("in/h").symlink_to("z")
        Path("in/up").symlink_to("..")
        run = Run("in", selection=Selection(follow_symlinks=True))
        assert run.names == ["in/a.png", "in/b/c.png", "in/b/deep/d.png", "in/f.png", "in/h/b.png"]
        assert run.candidates[3].problem is ErrorCode.NOT_FOUND
        assert run.skipped == [("in/b/.git", SkipType.GIT_FOLDER)]
        assert (
            Run("in", "elsewhere", "in/e.png", selection=Selection(follow_symlinks=True)).names == run.names
        )

    def test_followed_links_that_go_in_circles_end(self) -> None:
        folders = [f"in/{name}" for name in "abcdefgh"]
        for number, folder in enumerate(folders):
            make(f"{folder}/{number}.png")
            for other in folders:
                Path(folder, f"to-{other[-1]}").symlink_to(f"../../{other}")
        Path("in/self").symlink_to("self")
        run = Run("in", selection=Selection(follow_symlinks=True))
        assert sorted(name[-5] for name in run.names) == sorted("01234567")
        assert run.skipped == [("in/self", SkipType.DANGLING_LINK)]

    def test_own_outputs_are_left_out_behind_links_too(self, here: Path) -> None:
        make("out/r.png")
        make("out/a.png")
        Path("in").mkdir()
        Path("in/link").symlink_to("../out")
        Path("in/r").symlink_to("../out/r.png")
        selection = Selection(follow_symlinks=True)
        assert Run("in", selection=selection, ignore=(f"{here}/out/r.png",)).names == ["in/link/a.png"]

    def test_patterns_hold_from_each_operand_on(self) -> None:
        make("in/sub/a.png")
        selection = Selection(follow_symlinks=True, exclude=("sub/*",))
        assert Run("in", "in/sub", selection=selection).names == ["in/sub/a.png"]

    def test_a_dangling_link_with_an_image_suffix_is_not_found(self) -> None:
        Path("in").mkdir()
        for name in ("a.png", "b.heic", "c.txt", "d.mp4"):
            Path("in", name).symlink_to("nowhere")
        run = Run("in")
        assert [(c.name, c.problem) for c in run.candidates] == [
            ("in/a.png", ErrorCode.NOT_FOUND),
            ("in/b.heic", ErrorCode.NOT_FOUND),
        ]
        assert run.skipped == [("in/c.txt", SkipType.DANGLING_LINK), ("in/d.mp4", SkipType.DANGLING_LINK)]

    def test_special_files_are_never_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("in").mkdir()
        os.mkfifo("in/a.png")
        os.mkfifo("in/b")
        Path("in/c.jpg").symlink_to("b")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("in/s.gif")
        opened: list[str] = []
        monkeypatch.setattr(os, "open", lambda path, *args: opened.append(path))
        run = Run("in")
        assert [(c.name, c.problem, c.detail) for c in run.candidates] == [
            ("in/a.png", ErrorCode.NOT_A_FILE, "a FIFO"),
            ("in/c.jpg", ErrorCode.NOT_A_FILE, "a FIFO"),
            ("in/s.gif", ErrorCode.NOT_A_FILE, "a socket"),
        ]
        assert run.skipped == [("in/b", SkipType.SPECIAL_FILE)]
        assert [(c.problem, c.explicit) for c in Run("in/b", "in/a.png").candidates] == [
            (ErrorCode.NOT_A_FILE, True),
            (ErrorCode.NOT_A_FILE, True),
        ]
        assert opened == []

    def test_a_file_that_becomes_a_fifo_does_not_block(self, monkeypatch: pytest.MonkeyPatch) -> None:
        file = make("in/a", b"text")
        real = os.open

        def swap(path: str, flags: int) -> int:
            file.unlink()
            os.mkfifo(file)
            return real(path, flags)

        monkeypatch.setattr(os, "open", swap)
        assert Run("in").one.problem is ErrorCode.NOT_A_FILE

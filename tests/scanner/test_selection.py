"""Patterns, glob operands and lists of files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.support.errors import ExitCode
from scanner.sources import FileListError, Operand, Selection, expand_glob, expand_operand, read_file_list
from scanner.sources.selection import MAX_NAME_BYTES


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def takes(selection: Selection, relative: str) -> bool:
    return selection.takes_file(relative.rpartition("/")[2], relative)


def enters(selection: Selection, relative: str) -> bool:
    return selection.enters_folder(relative.rpartition("/")[2], relative)


def test_without_patterns_everything_is_taken() -> None:
    assert takes(Selection(), "a/b.txt")
    assert enters(Selection(), "a")


def test_a_pattern_without_a_slash_matches_the_name_at_any_depth() -> None:
    selection = Selection(include=("*.jpg",))
    assert takes(selection, "a.jpg")
    assert takes(selection, "deep/down/a.jpg")
    assert not takes(selection, "a.jpg/b.png")


def test_a_pattern_with_a_slash_matches_the_path_from_the_operand_on() -> None:
    selection = Selection(include=("2024/*.jpg",))
    assert takes(selection, "2024/a.jpg")
    assert takes(selection, "2024/may/a.jpg")
    assert not takes(selection, "old/2024/a.jpg")
    assert not takes(selection, "a.jpg")


@pytest.mark.parametrize("pattern", ["/a.jpg", "./a.jpg"])
def test_a_leading_slash_ties_a_pattern_to_the_operand(pattern: str) -> None:
    assert takes(Selection(include=(pattern,)), "a.jpg")
    assert not takes(Selection(include=(pattern,)), "b/a.jpg")


def test_a_leading_dot_of_a_hidden_folder_is_part_of_the_pattern() -> None:
    assert takes(Selection(include=(".cache/*",)), ".cache/a.jpg")
    assert not takes(Selection(include=(".cache/*",)), "cache/a.jpg")


def test_exclude_beats_include() -> None:
    selection = Selection(include=("*.jpg",), exclude=("thumb_*",))
    assert takes(selection, "a.jpg")
    assert not takes(selection, "thumb_a.jpg")


def test_include_does_not_keep_folders_out_and_exclude_does() -> None:
    assert enters(Selection(include=("*.jpg",)), "photos")
    assert not enters(Selection(exclude=("cache",)), "photos/cache")
    assert not enters(Selection(exclude=("photos/cache",)), "photos/cache")
    assert enters(Selection(exclude=("photos/cache",)), "other/cache")


def test_a_trailing_slash_means_folders() -> None:
    selection = Selection(exclude=("cache/",))
    assert not enters(selection, "photos/cache")
    assert takes(selection, "photos/cache")
    assert takes(Selection(include=("photos/",)), "photos/may/a.jpg")
    assert not takes(Selection(include=("photos/",)), "others/a.jpg")


@pytest.mark.skipif(os.name == "nt", reason="file names have no case there")
def test_case_counts() -> None:
    assert not takes(Selection(include=("*.jpg",)), "A.JPG")


@pytest.mark.usefixtures("here")
class TestGlob:
    def test_matches_come_in_byte_order_by_component(self) -> None:
        make("b/x.jpg", "a.b/x.jpg", "a/x.jpg", "a/é.jpg", "B/x.jpg", "a/notes.txt")
        assert list(expand_glob("*/*.jpg")) == ["B/x.jpg", "a/x.jpg", "a/é.jpg", "a.b/x.jpg", "b/x.jpg"]

    def test_the_beginning_stays_as_typed(self, here: Path) -> None:
        make("a/x.jpg")
        assert list(expand_glob("./a/*.jpg")) == ["./a/x.jpg"]
        assert list(expand_glob("a/../a/?.jpg")) == ["a/../a/x.jpg"]
        assert list(expand_glob(f"{here}/a/[x].jpg")) == [f"{here}/a/x.jpg"]

    def test_two_stars_stand_for_any_number_of_folders_each_path_once(self) -> None:
        make("p/x1.jpg", "p/a/x2.jpg", "p/a/b/x3.jpg", "p/a/b/y.png", "q/x.jpg")
        assert list(expand_glob("p/**/x*")) == ["p/a/b/x3.jpg", "p/a/x2.jpg", "p/x1.jpg"]
        assert list(expand_glob("p/**/**/x*")) == list(expand_glob("p/**/x*"))
        assert list(expand_glob("**/b/*.png")) == ["p/a/b/y.png"]

    def test_two_stars_at_the_end_give_the_folder_to_be_scanned_whole(self) -> None:
        make("p/a/x.jpg", "q/x.jpg")
        assert list(expand_glob("p/**")) == ["p"]
        assert list(expand_glob("*/**")) == ["p", "q"]
        assert list(expand_glob("**")) == ["."]

    def test_hidden_names_match_and_git_does_not(self) -> None:
        make(".hidden.jpg", ".git/a.jpg", "sub/.git/b.jpg", "sub/c.jpg")
        assert list(expand_glob("*")) == [".hidden.jpg", "sub"]
        assert list(expand_glob("**/*.jpg")) == [".hidden.jpg", "sub/c.jpg"]
        assert list(expand_glob(".git/*.jpg")) == [".git/a.jpg"]

    def test_a_loop_of_links_ends(self) -> None:
        make("p/x.jpg")
        Path("p/loop").symlink_to(".")
        assert list(expand_glob("**/*.jpg")) == ["p/x.jpg"]
        assert list(expand_glob("p/*/x.jpg")) == ["p/loop/x.jpg"]

    def test_a_trailing_slash_asks_for_folders(self) -> None:
        make("p/x.jpg", "pfile")
        assert list(expand_glob("p*/")) == ["p"]

    def test_a_folder_that_cannot_be_listed_is_given_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make("p/x.jpg", "q/x.jpg")
        scandir = os.scandir

        def refuse(path: str) -> Iterator[os.DirEntry[str]]:
            if path == "p":
                raise PermissionError(13, "Permission denied")
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert list(expand_glob("*/*.jpg")) == ["p", "q/x.jpg"]

    def test_an_existing_file_is_itself_whatever_its_name(self) -> None:
        make("a[1].jpg", "a1.jpg")
        Path("dangling*").symlink_to("nowhere")
        assert [o.path for o in expand_operand(Operand("a[1].jpg"))] == ["a[1].jpg"]
        assert [o.path for o in expand_operand(Operand("dangling*"))] == ["dangling*"]
        assert [o.path for o in expand_operand(Operand("a[0-9].jpg"))] == ["a1.jpg"]

    def test_what_matches_nothing_stays(self) -> None:
        assert list(expand_operand(Operand("*.jpg"))) == [Operand("*.jpg", literal=True)]
        assert list(expand_operand(Operand("none/*.jpg"))) == [Operand("none/*.jpg", literal=True)]

    def test_a_literal_operand_is_never_expanded(self) -> None:
        make("a1.jpg")
        assert list(expand_operand(Operand("a?.jpg", literal=True))) == [Operand("a?.jpg", literal=True)]


class Trickle(io.RawIOBase):
    """A pipe that hands out one piece per read, and says how far it was read."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        piece = self.pieces.pop(0) if self.pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


class TestFileList:
    def test_lines(self) -> None:
        stream = io.BytesIO(b"a.jpg\n\nwindows.jpg\r\n two words \nlast\r")
        assert list(read_file_list(stream, nul=False)) == ["a.jpg", "windows.jpg", " two words ", "last"]

    def test_nul(self) -> None:
        stream = io.BytesIO(b"two\nlines.jpg\0\0cr\r\0last")
        assert list(read_file_list(stream, nul=True)) == ["two\nlines.jpg", "cr\r", "last"]

    def test_a_byte_order_mark_is_no_part_of_the_first_name(self) -> None:
        mark = b"\xef\xbb\xbf"
        assert list(read_file_list(io.BytesIO(mark + b"a.jpg\r\n"), nul=False)) == ["a.jpg"]
        pipe = Trickle([b"\xef", b"\xbb", b"\xbf", b"a", b"\n"])
        assert list(read_file_list(io.BufferedReader(pipe), nul=False)) == ["a"]
        (name,) = read_file_list(io.BytesIO(mark + b"a\0"), nul=True)
        assert os.fsencode(name) == mark + b"a"
        with pytest.raises(FileListError, match="UTF-8"):
            list(read_file_list(io.BytesIO("a.jpg\n".encode("utf-16")), nul=False))

    def test_names_are_bytes(self) -> None:
        (name,) = read_file_list(io.BytesIO(b"caf\xe9.png\n"), nul=False)
        assert os.fsencode(name) == b"caf\xe9.png"

    @pytest.mark.parametrize("nul", [False, True])
    def test_empty(self, nul: bool) -> None:
        assert list(read_file_list(io.BytesIO(b""), nul)) == []

    def test_first_names_come_before_the_last_are_read(self) -> None:
        pipe = Trickle([b"a.jpg\nb.j", b"pg\n", b"c.jpg\n"])
        names = read_file_list(io.BufferedReader(pipe), nul=False)
        assert next(names) == "a.jpg"
        assert len(pipe.pieces) == 2
        assert list(names) == ["b.jpg", "c.jpg"]

    def test_the_wrong_separator_is_said_and_not_guessed(self) -> None:
        with pytest.raises(FileListError, match="-0") as caught:
            list(read_file_list(io.BytesIO(b"a.jpg\0b.jpg\0"), nul=False))
        assert caught.value.exit_code is ExitCode.INCOMPLETE

    @pytest.mark.parametrize("nul", [False, True])
    def test_a_name_without_end_is_not_read_into_memory(self, nul: bool) -> None:
        stream = io.BytesIO(b"x" * (3 * MAX_NAME_BYTES))
        with pytest.raises(FileListError, match="more than"):
            list(read_file_list(stream, nul))
        assert stream.tell() < 2 * MAX_NAME_BYTES

    @given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda b: b"\0" not in b)))
    def test_any_names_survive_nul_separation(self, names: list[bytes]) -> None:
        stream = io.BytesIO(b"".join(name + b"\0" for name in names))
        assert [os.fsencode(name) for name in read_file_list(stream, nul=True)] == names

"""Which files get a row, in which order, and what is said of the rest: on real folders."""

from __future__ import annotations

import inspect
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.results import ErrorCode
from scanner.results.names import decode_path
from scanner.sources import Candidate, MediaKind, Operand, Selection, SkipType, expand_glob, walk
from scanner.sources.skips import OnSkip

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(path: str | bytes, content: bytes = PNG) -> Path:
    file = Path(os.fsdecode(path))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


class Run:
    """A drained walk."""

    def __init__(
        self, *operands: str | Operand, selection: Selection | None = None, ignore: tuple[str, ...] = ()
    ):
        self.skipped: list[tuple[str, str]] = []
        on_skip: OnSkip = lambda name, type_: self.skipped.append((name, str(type_)))  # noqa: E731
        found = walk(operands, selection or Selection(), ignore=ignore, on_skip=on_skip)
        self.candidates: list[Candidate] = list(found)

    @property
    def names(self) -> list[str]:
        return [candidate.name for candidate in self.candidates]

    @property
    def one(self) -> Candidate:
        (candidate,) = self.candidates
        return candidate


def refusing(
    real: Callable[..., object], *refused: str, error: OSError | None = None
) -> Callable[..., object]:
    """``real``, but with an error for some paths: the tests may run as root, whom nothing is denied."""

    def refuse(path: str, *args: object, **kwargs: object) -> object:
        if path in refused:
            raise error or PermissionError(13, "Permission denied", path)
        return real(path, *args, **kwargs)

    return refuse


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

    @settings(max_examples=40, deadline=None)
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


@pytest.mark.usefixtures("here")
class TestWhatIsACandidate:
    def test_suffix_or_content_names_an_image(self) -> None:
        make("in/photo.dat", JPEG)
        make("in/photo", PNG)
        make("in/text.jpg", b"just text")
        make("in/empty.jpg", b"")
        make("in/film.mp4", MP4)
        make("in/really.mp4", PNG)
        make("in/raw.nef", b"?")
        make("in/notes.txt", b"text")
        make("in/README", b"text")
        make("in/.hidden.png")
        run = Run("in")
        assert [(c.name.removeprefix("in/"), c.kind) for c in run.candidates] == [
            (".hidden.png", MediaKind.IMAGE),
            ("empty.jpg", MediaKind.IMAGE),
            ("film.mp4", MediaKind.OTHER_MEDIA),
            ("photo", MediaKind.IMAGE),
            ("photo.dat", MediaKind.IMAGE),
            ("raw.nef", MediaKind.UNDECODABLE_IMAGE),
            ("really.mp4", MediaKind.IMAGE),
            ("text.jpg", MediaKind.IMAGE),
        ]
        assert not any(c.explicit or c.problem for c in run.candidates)
        assert run.skipped == [("in/README", "(no suffix)"), ("in/notes.txt", ".txt")]

    @pytest.mark.parametrize("media_only", [False, True])
    def test_a_file_with_an_image_suffix_is_opened_by_the_decoder_alone(
        self, monkeypatch: pytest.MonkeyPatch, media_only: bool
    ) -> None:
        for name in ("in/a.png", "in/b.JPG", "in/_c.webp", "in/AppleDouble/d.gif"):
            make(name)
        opened: list[str] = []
        real = os.open

        def record(path: str, *args: object) -> object:
            opened.append(path)
            return real(path, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", record)
        found = Run("in", selection=Selection(media_only=media_only)).names
        assert len(found) == 4 and Run(*found, selection=Selection(media_only=media_only)).names == found
        assert opened == []
        make("in/e.nef")
        make("in/._f.png")
        make("in/.AppleDouble/g.png")
        Run("in")
        assert opened == ["in/.AppleDouble/g.png", "in/._f.png", "in/e.nef"]

    def test_companions_of_pictures_are_known_by_content_and_have_no_row(self) -> None:
        for name in ("._a.jpg", "._b.CR2", "._c.mp4", ".AppleDouble/a.jpg", "renamed.dat", "._d"):
            make(f"in/{name}", b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")
        for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
            make(f"in/{name}", b"\x00\x00\x00\x01Bud1")
        make("in/._really.jpg", JPEG)
        make("in/.AppleDouble/really.jpg", JPEG)
        run = Run("in")
        assert run.names == ["in/.AppleDouble/really.jpg", "in/._really.jpg"]
        types = [type_ for _, type_ in run.skipped]
        assert types.count(SkipType.COMPANION) == 6
        assert {".db", ".ini", ".ds_store"} == set(types) - {SkipType.COMPANION}
        assert Run("in/._a.jpg", "in/Thumbs.db").names == ["in/._a.jpg", "in/Thumbs.db"], "named"

    def test_the_folder_of_companions_is_known_from_inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make("in/.AppleDouble/a.jpg", b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")
        monkeypatch.chdir("in/.AppleDouble")
        assert Run(".").skipped == [("./a.jpg", SkipType.COMPANION)]

    @pytest.mark.parametrize(
        ("name", "type_"),
        [
            ("A.TXT", ".txt"),
            ("a.tar.md5", ".md5"),
            (".gitignore", ".gitignore"),
            ("a.c++", ".c++"),
            ("core.12345", "(other suffix)"),
            ("a.averyverylongone", "(other suffix)"),
            ("a.b c", "(other suffix)"),
            ("a.x\ny", "(other suffix)"),
            (os.fsdecode(b"a.\xff"), "(other suffix)"),
            ("a.", "(no suffix)"),
        ],
    )
    def test_other_files_are_counted_by_a_printable_type(self, name: str, type_: str) -> None:
        make(f"in/{name}", b"text")
        run = Run("in")
        assert run.candidates == []
        assert [t for _, t in run.skipped] == [type_]

    def test_an_unreadable_file_that_may_be_an_image_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("in/a", "in/b.nef", "in/c.txt"):
            make(name, b"text")
        monkeypatch.setattr(os, "open", refusing(os.open, "in/a", "in/b.nef", "in/c.txt"))
        run = Run("in")
        assert [(c.name, c.problem, c.detail) for c in run.candidates] == [
            (name, ErrorCode.PERMISSION_DENIED, "Permission denied")
            for name in ("in/a", "in/b.nef", "in/c.txt")
        ]
        assert run.skipped == []

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (OSError(5, "Input/output error"), ErrorCode.READ_FAILED),
            (FileNotFoundError(2, "No such file or directory"), ErrorCode.NOT_FOUND),
        ],
    )
    def test_other_failures_keep_their_name(
        self, monkeypatch: pytest.MonkeyPatch, error: OSError, code: ErrorCode
    ) -> None:
        make("in/a", b"text")
        monkeypatch.setattr(os, "open", refusing(os.open, "in/a", error=error))
        assert Run("in").one.problem is code

    def test_an_unreadable_folder_has_a_row_and_the_rest_goes_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make("in/closed/a.png")
        make("in/open/b.png")
        monkeypatch.setattr(os, "scandir", refusing(os.scandir, "in/closed"))
        closed, b = Run("in").candidates
        assert (closed.name, closed.problem, closed.explicit) == (
            "in/closed",
            ErrorCode.PERMISSION_DENIED,
            False,
        )
        assert b.name == "in/open/b.png"
        monkeypatch.setattr(os, "scandir", refusing(os.scandir, "in"))
        assert (Run("in").one.problem, Run("in").one.explicit) == (ErrorCode.PERMISSION_DENIED, True)

    def test_what_a_failing_listing_gave_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make("in/a.png")
        real = os.scandir

        class Breaking:
            def __enter__(self) -> Iterator[os.DirEntry[str]]:
                return self.entries()

            def __exit__(self, *_: object) -> None:
                pass

            def entries(self) -> Iterator[os.DirEntry[str]]:
                yield from real("in")
                raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "scandir", lambda path: Breaking())
        folder, file = Run("in").candidates
        assert (folder.name, folder.problem) == ("in", ErrorCode.READ_FAILED)
        assert (file.name, file.problem) == ("in/a.png", None)


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

"""What is a candidate in a folder, and what is left out: on real folders."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from walked_folders import JPEG, MP4, PNG, Run, make, refusing

from scanner.results import ErrorCode
from scanner.sources import MediaKind, Selection, SkipType


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
            ("raw.nef", MediaKind.IMAGE),
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
        make("in/e.jp2")
        make("in/._f.png")
        make("in/.AppleDouble/g.png")
        Run("in")
        assert opened == ["in/.AppleDouble/g.png", "in/._f.png", "in/e.jp2"]

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
        for name in ("in/a", "in/b.jp2", "in/c.txt"):
            make(name, b"text")
        monkeypatch.setattr(os, "open", refusing(os.open, "in/a", "in/b.jp2", "in/c.txt"))
        run = Run("in")
        assert [(c.name, c.problem, c.detail) for c in run.candidates] == [
            (name, ErrorCode.PERMISSION_DENIED, "Permission denied")
            for name in ("in/a", "in/b.jp2", "in/c.txt")
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

"""``.scanignore``: refusals that say where and what to do, files that are named, the command."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ignored_folders import Run, ignore, make

from models.support.errors import ExitCode
from scanner.sources import ScanIgnore, ScanIgnoreError, Selection, walk
from scanner.sources.scanignore import MAX_BYTES, MAX_PATTERNS


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

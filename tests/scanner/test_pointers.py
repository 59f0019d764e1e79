"""What stands for a file that was not fetched: a row if its name says media, else a count; never silence."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.filetypes import MediaKind, classify
from scanner.results import ErrorCode
from scanner.sources import Selection, SkipType, walk

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a1" * 32 + b"\nsize 12345\n"
LFS_EXTENDED = LFS.replace(b"\noid", b"\next-0-foo sha256:" + b"b2" * 32 + b"\noid")
ANNEX = b"/annex/objects/SHA256E-s12345--" + b"c3" * 32 + b".jpg\n"
ANNEX_LINK = b"../.git/annex/objects/Jk/0x/SHA256E-s1--c3.jpg/SHA256E-s1--c3.jpg"
POINTERS = [LFS, LFS_EXTENDED, ANNEX, ANNEX_LINK]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("content", POINTERS)
def test_they_are_known_by_content(content: bytes) -> None:
    for name in ("a.jpg", "a", "a.bin", "a.psd"):
        assert classify(name, content) is MediaKind.POINTER
    assert classify("a.mp4", content) is MediaKind.OTHER_MEDIA, "not looked into if it were there"


@pytest.mark.parametrize(
    "content",
    [
        b"version https://git-lfs.github.com/spec/\n",
        b"# version https://git-lfs.github.com/spec/v1\n",
        b"the folder /annex/objects/ holds keys",
        b"/annex/objects/",
        b"/annexes",
    ],
)
def test_a_text_about_them_is_a_text(content: bytes) -> None:
    assert classify("notes", content) is MediaKind.UNKNOWN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "words"), [(LFS, "a Git LFS pointer, not the file; fetch it: git lfs pull"),
                           (ANNEX, "a git-annex pointer, not the file; fetch it: git annex get")],
)  # fmt: skip
@pytest.mark.parametrize("options", [(), ("--media-only",)])
def test_a_row_says_what_it_is_and_what_to_do(
    scan: Callable[..., Any], content: bytes, words: str, options: tuple[str, ...]
) -> None:
    Path("in").mkdir()
    for name in ("a.jpg", "b.psd"):
        Path("in", name).write_bytes(content)
    operands = ["in/a.jpg", "in/b.psd"] if options else ["in"]
    run = scan(*operands, *options, "--out", "r.jsonl", "--out", "r.csv", "-v")
    assert run.code == 2, "a picture that is not there was not looked at"
    rows = [json.loads(line) for line in Path("r.jsonl").read_text().splitlines()]
    found = [(row["error"], row["detail"]) for row in rows if "detail" in row]
    assert found == [("not_an_image", words)] * 2 and run.err.count(words) == 3
    assert f"2 of them: {words}" in scan(*operands, *options, "--out", "r.csv", "--quiet").err
    with Path("r.csv").open(newline="") as stream:
        assert [row["status"] for row in csv.DictReader(stream)] == ["error", "error"]


def test_one_whose_name_does_not_say_media_is_counted(scan: Callable[..., Any]) -> None:
    Path("weights.bin").write_bytes(LFS)
    Path("photo").write_bytes(ANNEX)
    Path("notes.txt").write_text("text")
    names = ("weights.bin", "photo", "notes.txt")
    run = scan(*names, "--media-only", "--allow-empty", "--out", "r.csv")
    assert run.code == 0 and "2 pointer file" in run.err
    counts = json.loads(Path("r.run.json").read_text())["counts"]
    assert counts["left_out"] == {"pointer file": 2} and counts["other_files"][".txt"] == 1


def test_a_link_to_what_was_not_fetched() -> None:
    for name in ("in/a.jpg", "in/b", "in/c.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).symlink_to(ANNEX_LINK.decode())
    Path("in/other.jpg").symlink_to("gone")
    skipped: list[tuple[str, str]] = []
    found = list(walk(["in"], Selection(), on_skip=lambda *seen: skipped.append(seen)))
    assert [(c.name, c.problem) for c in found] == [
        ("in/a.jpg", ErrorCode.NOT_FOUND),
        ("in/other.jpg", ErrorCode.NOT_FOUND),
    ]
    assert "git annex get" in found[0].detail and "annex" not in found[1].detail
    assert skipped == [("in/b", SkipType.POINTER), ("in/c.txt", SkipType.POINTER)]

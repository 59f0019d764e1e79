"""Which file of options counts, and what is no such file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from config_files import CFG, TOML

# Where files are looked for.


def test_the_nearest_folder_with_a_section_counts_and_no_other(
    place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "a" / "b" / "c").mkdir(parents=True)
    (place / "setup.cfg").write_text(f"{CFG}max-errors = 1\nstrict = yes\n")
    (place / "a" / "setup.cfg").write_text(f"{CFG}max-errors = 2\n")
    (place / "a" / "b" / "pyproject.toml").write_text("[tool.other]\nmax-errors = 3\n")
    (place / "a" / "b" / "setup.cfg").write_text("[other]\nmax-errors = 4\n")
    monkeypatch.chdir(place / "a" / "b" / "c")
    rows = explain()
    assert rows["max-errors"] == ("2", ["../../setup.cfg"]) and rows["strict"][1] == ["default"]


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["repository", "worktree"])
def test_the_root_of_the_repository_ends_the_search(
    make: Any, place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "setup.cfg").write_text(f"{CFG}max-errors = 1\n")
    (place / "inner" / "deep").mkdir(parents=True)
    monkeypatch.chdir(place / "inner" / "deep")
    assert explain()["max-errors"][0] == "1"
    make(place / "inner" / ".git")
    assert explain()["max-errors"] == ("0", ["default"])
    (place / "inner" / "pyproject.toml").write_text(f"{TOML}max-errors = 2\n")
    assert explain()["max-errors"] == ("2", ["../pyproject.toml"])


def test_a_folder_that_everybody_may_write_to_is_not_believed(
    place: Path, explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "inner").mkdir()
    (place / "setup.cfg").write_text(f"{CFG}max-errors = 1\n")
    monkeypatch.chdir(place / "inner")
    assert explain()["max-errors"][0] == "1"
    place.chmod(0o1777)
    assert explain()["max-errors"][1] == ["default"]
    monkeypatch.chdir(place)
    assert explain()["max-errors"][1] == ["default"]


def test_scanned_folders_are_never_searched(here: Path, scan: Any) -> None:
    for folder in ("in", "in/sub"):
        Path(folder, "pyproject.toml").write_text(f"{TOML}fail-on = 'never'\n")
        Path(folder, "setup.cfg").write_text("broken")
    run = scan("in", "--out", "-")
    assert run.code == 1 and len(run.rows) == 3


def test_config_names_one_file_instead(place: Path, explain: Any, refused: Any, monkeypatch: Any) -> None:
    (place / "pyproject.toml").write_text(f"{TOML}max-errors = 1\nstrict = true\n")
    (place / "other").mkdir()
    (place / "other" / "audit.toml").write_text(f"{TOML}max-errors = 2\n")
    (place / "other" / "audit.cfg").write_text(f"{CFG}max-errors = 3\n")
    rows = explain("--config", "other/audit.toml")
    assert rows["max-errors"] == ("2", ["other/audit.toml"]) and rows["strict"][1] == ["default"]
    monkeypatch.setenv("SCAN_CONFIG", "other/audit.cfg")
    assert explain()["max-errors"] == ("3", ["other/audit.cfg"])
    assert explain("--config", "other/audit.toml")["max-errors"][0] == "2"
    assert explain("--no-config")["max-errors"] == ("0", ["default"])
    monkeypatch.setenv("SCAN_NO_CONFIG", "1")
    assert "contradict" in refused()
    assert explain("--config", "other/audit.toml")["max-errors"][0] == "2"
    monkeypatch.delenv("SCAN_CONFIG")
    assert explain()["max-errors"] == ("0", ["default"])
    assert "contradict" in refused("--config", "other/audit.toml", "--no-config")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.toml", None, "cannot be read: No such file or directory"),
        ("empty.toml", "", "has no section [tool.deepfake-scanner]; add it"),
        ("other.cfg", "[tool.deepfake-scanner]\n", "has no section [tool:deepfake-scanner]; add it"),
        ("audit.json", "{}", "name a .toml file, or a .cfg file"),
        ("folder.toml", ..., "is no regular file"),
    ],
)
def test_a_named_file_must_be_one(name: str, content: Any, words: str, place: Path, refused: Any) -> None:
    if content is ...:
        Path(name).mkdir()
    elif content is not None:
        Path(name).write_text(content)
    error = refused("--config", name)
    assert name in error and words in error


# What a file may say.


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg"])
@pytest.mark.parametrize(
    "content",
    [b"[tool", b"caf\xe9 = 1", b"\x00", b"[a]\nb\n[a]\n", b"x = " + b"[" * 100_000],
    ids=["syntax", "latin-1", "nul", "twice", "deep"],
)
def test_a_broken_file_stops_the_scan_and_names_the_way_out(
    name: str, content: bytes, place: Path, refused: Any, explain: Any
) -> None:
    Path(name).write_bytes(content)
    error = refused()
    assert error.startswith(f"error: {name} is ") and error.endswith("pass --no-config to do without\n")
    assert error.count("\n") == 1
    assert explain("--no-config")["strict"][1] == ["default"]


def test_an_unreadable_file_stops_the_scan(refused: Any) -> None:
    Path("setup.cfg").symlink_to("setup.cfg")  # root may read everything else
    assert refused().startswith(
        "error: setup.cfg cannot be read: Too many levels of symbolic links; pass --no-config"
    )


def test_a_device_is_not_read(refused: Any) -> None:
    os.mkfifo("setup.cfg")
    assert "setup.cfg is no regular file; pass --no-config" in refused()


@pytest.mark.parametrize("content", [b"", b"[metadata]\nname = x\n", b"[DEFAULT]\ncolour = red\n"])
def test_a_file_without_our_section_is_nothing(content: bytes, explain: Any) -> None:
    Path("setup.cfg").write_bytes(content)
    Path("pyproject.toml").write_bytes(b"tool = 5\n")
    assert all(origins == ["default"] for _, origins in explain().values())


def test_others_defaults_do_not_leak_into_the_section(explain: Any) -> None:
    Path("setup.cfg").write_text(f"[DEFAULT]\ncolour = red\nstrict = yes\n{CFG}max-errors = 2\n")
    assert explain()["max-errors"][0] == "2" and explain()["strict"][1] == ["default"]

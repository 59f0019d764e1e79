"""Where a run writes, settled before anything is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.support.errors import OutputError
from scanner.outputs import Outputs
from scanner.reports.formats import Target


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_report_in_a_file_has_a_manifest_beside_it() -> None:
    assert Outputs.settle(["r.csv"], None, None) == Outputs(
        (Target(Path("r.csv"), "csv"),), Path("r.run.json"), None
    )
    assert Outputs.settle(["r.csv"], Path("m.json"), None).manifest == Path("m.json")


def test_a_stream_has_none_unless_it_is_named() -> None:
    assert Outputs.settle(["-"], None, None) == Outputs((Target(None, "csv"),), None, None)
    assert Outputs.settle([os.devnull], None, None) == Outputs((Target(Path(os.devnull), "csv"),), None, None)
    assert Outputs.settle(["-"], Path("m.json"), None).manifest == Path("m.json")


def test_all_that_is_written_is_named_with_the_partial_files(here: Path) -> None:
    names = {"r.csv", "r.csv.partial", "r.csv.journal", "r.run.json", "r.run.json.partial", "log"}
    assert set(Outputs.settle(["r.csv"], None, Path("log")).own_files()) == {
        str(here / name) for name in names
    }
    assert Outputs.settle(["-"], None, None).own_files() == []


def test_the_same_device_may_be_named_twice_and_the_same_file_may_not(here: Path) -> None:
    Outputs.settle([os.devnull], Path(os.devnull), Path(os.devnull))
    (here / "link").symlink_to(here)
    for out, manifest, log in (
        ("r.csv", Path("r.csv"), None),
        ("r.csv", Path("link/r.csv"), None),
        ("r.csv", None, Path("r.run.json")),
    ):
        with pytest.raises(OutputError, match="name the same file"):
            Outputs.settle([out], manifest, log)


def test_a_picture_is_no_place_for_a_report_even_under_a_link(here: Path) -> None:
    (here / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (here / "a.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    (here / "r.csv").symlink_to("a.csv")
    with pytest.raises(OutputError, match=r"a\.csv exists and was not written by an earlier scan"):
        Outputs.settle(["r.csv"], None, None)

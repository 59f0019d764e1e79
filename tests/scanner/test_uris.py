"""One URI for one file, however it was named, as code scanning matches it with the files of a repository."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.reports.uris import ROOT, Uris, plain_location
from scanner.results.names import encode_path

NOWHERE = Path("/nowhere/at all")


def located(uri: str) -> dict[str, str]:
    return {"uri": uri, "uriBaseId": ROOT}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With ``d/sub``, and beside it ``elsewhere``."""
    root = tmp_path / "a repository"
    for folder in (root / ".git", root / "d" / "sub", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    "name",
    [
        "d/x.jpg",
        "./d/x.jpg",
        "d//x.jpg",
        ".//d/./x.jpg",
        "d/sub/../x.jpg",
        "{root}/d/x.jpg",
        "{root}/./d//x.jpg",
    ],
)
def test_every_spelling_of_a_file_is_one_uri(name: str, repository: Path) -> None:
    path = encode_path(name.format(root=repository))
    assert Uris(repository).location(path) == located("d/x.jpg")
    assert Uris(repository).path(path) == "d/x.jpg"


def test_a_path_elsewhere_is_absolute_and_a_byte_that_is_no_text_stays_printable(repository: Path) -> None:
    uris = Uris(repository)
    assert uris.path("../elsewhere/x.jpg") == encode_path(str(repository.parent / "elsewhere" / "x.jpg"))
    assert uris.path(encode_path("./d/caf\udce9.png")) == encode_path("d/caf\udce9.png")


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("x.jpg", "d/sub/x.jpg"),
        ("../x.jpg", "d/x.jpg"),
        ("../../@x.jpg", "%40x.jpg"),
        ("../..", "."),
        ("..", "d"),
    ],
)
def test_uris_begin_at_the_repository_wherever_the_scan_was_started(
    name: str, uri: str, repository: Path
) -> None:
    assert Uris(repository / "d" / "sub").location(name) == located(uri)


def test_the_git_of_a_submodule_or_another_work_tree_is_a_file(repository: Path) -> None:
    (repository / "d" / ".git").write_text("gitdir: ../.git/modules/d\n")
    assert Uris(repository / "d" / "sub").location("x.jpg") == located("sub/x.jpg")


def test_without_a_repository_they_begin_at_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    uris = Uris(tmp_path / "d")
    assert uris.location("./x.jpg") == uris.location("../d/x.jpg") == located("x.jpg")
    assert uris.location("../x.jpg") == {"uri": (tmp_path / "x.jpg").as_uri()}


def test_what_lies_elsewhere_is_absolute(repository: Path) -> None:
    there = {"uri": (repository.parent / "elsewhere" / "a b.jpg").as_uri()}
    assert there["uri"].startswith("file:///") and there["uri"].endswith("/elsewhere/a%20b.jpg")
    uris = Uris(repository / "d")
    assert uris.location("../../elsewhere/a b.jpg") == there
    assert uris.location(f"{repository.parent}/elsewhere/a b.jpg") == there
    # A folder whose name only begins like the repository's is another one.
    assert uris.location(f"{repository}2/x.jpg") == {"uri": Path(f"{repository}2/x.jpg").as_uri()}


def test_links_lead_where_the_system_goes(repository: Path) -> None:
    """``..`` behind a link is above the folder that is linked; a file that is a link is in the repository itself."""
    (repository / "near").symlink_to("d/sub")
    (repository / "far").symlink_to(repository.parent / "elsewhere")
    (repository / "x.jpg").symlink_to(repository.parent / "elsewhere" / "y.jpg")
    uris = Uris(repository)
    assert uris.location("near/../x.jpg") == located("d/x.jpg")
    assert uris.location("near/x.jpg") == located("d/sub/x.jpg")
    assert uris.location("x.jpg") == located("x.jpg")
    assert uris.location("far/y.jpg") == {"uri": (repository.parent / "elsewhere" / "y.jpg").as_uri()}
    assert uris.location("far/../x.jpg") == {"uri": (repository.parent / "x.jpg").as_uri()}


def test_a_working_folder_behind_a_link_is_the_real_one(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.parent / "link").symlink_to(repository / "d")
    monkeypatch.chdir(repository.parent / "link")
    assert (
        Uris().location("x.jpg") == Uris().location(f"{repository.parent}/link/x.jpg") == located("d/x.jpg")
    )


def paths() -> st.SearchStrategy[bytes]:
    return st.binary(min_size=1, max_size=30).filter(lambda raw: raw.strip(b"/") != b"")


@given(paths())
def test_a_uri_leads_back_to_the_file(raw: bytes) -> None:
    """Where no folder is there, so that no link can lead elsewhere."""
    location = Uris(NOWHERE).location(encode_path(raw.decode("utf-8", "surrogateescape")))
    uri = urlsplit(location["uri"])
    assert re.fullmatch("[!-~]+", location["uri"])
    root = os.fsencode(NOWHERE) + b"/"
    meant = os.path.normpath(raw if raw.startswith(b"/") else root + raw).replace(b"//", b"/")
    if uri.scheme:
        assert uri.scheme == "file" and set(location) == {"uri"}
        assert unquote_to_bytes(location["uri"][len("file://") :]).replace(b"//", b"/") == meant
    else:
        assert (uri.netloc, uri.query, uri.fragment) == ("", "", "")
        assert os.path.normpath(root + unquote_to_bytes(location["uri"])) == meant
        assert urljoin("file:///root/", location["uri"]).startswith("file:///root/")
        assert not {"", "..", "."} & set(location["uri"].split("/")) or location["uri"] == "."


def test_a_name_that_stands_for_no_file_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "lstat", None)
    assert plain_location("file-0000001.jpg") == located("file-0000001.jpg")


def uris_of(report: str) -> list[str]:
    (run,) = json.loads(Path(report).read_bytes())["runs"]
    found = [*run["results"], *run["invocations"][0]["toolExecutionNotifications"]]
    return [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in found]


@pytest.mark.slow
def test_the_report_of_any_operand_names_files_alike(
    repository: Path, grey: Callable[..., Path], scan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    grey("d/@a.jpg", 250)
    Path("d", "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing more")
    Path("list").write_text("d//@a.jpg\nd/b.jpg\n")
    for operands in (["."], ["./d"], ["d/"], [repository / "d"], ["--files-from", "list"]):
        scan(*operands, "--out", "r.sarif", "--out", "r.csv")
        assert uris_of("r.sarif") == ["d/%40a.jpg", "d/b.jpg"], operands
    assert Path("r.csv").read_text().splitlines()[1].startswith("d//@a.jpg,"), "a CSV holds what was typed"
    monkeypatch.chdir(repository / "d" / "sub")
    scan("..", "--out", "r.sarif")
    assert uris_of("r.sarif") == ["d/%40a.jpg", "d/b.jpg"]


def test_a_redacted_report_leaks_no_folder(
    repository: Path, grey: Callable[..., Path], scan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "d" / "sub")
    grey("../a.jpg", 250)
    Path("..", "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing more")
    scan("../a.jpg", repository / "d" / "b.jpg", "--out", "r.sarif", "--redact-paths")
    assert uris_of("r.sarif") == ["file-0000001.jpg", "file-0000002.jpg"]
    text = Path("r.sarif").read_text()
    assert str(repository.parent) not in text and "d/" not in "".join(uris_of("r.sarif"))

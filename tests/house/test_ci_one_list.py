"""One list of what a picture is: what a scan of the tree finds, every piece for CI finds in a change.

And what a change may hold beside new files: odd names, links, submodules, deletions, files that were not fetched.
"""

from __future__ import annotations

import csv
import io
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ci_given import ROOT, commit, git, picture
from doc_pages import blocks
from PIL import Image

from models.filetypes import MediaKind, suffixes_of
from scanner.sources import Selection, walk

SUFFIXES = sorted(suffix for kind in MediaKind for suffix in suffixes_of(kind))
OTHER_NAMES = (
    "no suffix",
    "a.dat",
    "a.docx",
    "A.JPG",
    "--exit-zero",
    "-q.jpg",
    "two\nlines.jfif",
    "[x]*.mpo",
)
NAMES = [f"a.{suffix}" for suffix in SUFFIXES] + [f"new/{name}" for name in OTHER_NAMES] + ["--exit-zero"]
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a1" * 32 + b"\nsize 12345\n"


def bright(folder: Path, *names: str | bytes) -> None:
    """One and the same JPEG, which is fake to the model, under many names."""
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), (250, 250, 250)).save(buffer, format="JPEG")
    for name in names:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())


def rows(report: str = "deepfake-scan/report.csv") -> dict[str, dict[str, str]]:
    with Path(report).open(encoding="utf-8", newline="") as stream:
        return {row["path"]: row for row in csv.DictReader(stream)}


def fakes(report: str) -> int:
    return sum(row["verdict"] == "fake" for row in rows(report).values())


@pytest.fixture
def shell(repository: Path, model: Path) -> Callable[[str], int]:
    """Runs documented lines as a user of this environment and counts the fakes in report.csv."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCAN_", "GIT_"))}
    env = kept | {
        "PATH": path,
        "SCAN_MODEL": str(model),
        "SCAN_DEVICE": "cpu",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }

    def run(script: str) -> int:
        Path("report.csv").unlink(missing_ok=True)
        done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        return fakes("report.csv")

    return run


def documented(page: str, *words: str) -> list[str]:
    """The scripts of a page's blocks that hold all of ``words``, without what installs."""
    found = [block.lines() for block in blocks(ROOT / page)]
    scripts = ["\n".join(line for line in lines if not line.startswith("pip ")) for lines in found]
    return [script for script in scripts if all(word in script for word in words)]


@pytest.mark.slow
def test_every_piece_finds_what_a_scan_of_the_tree_finds(
    repository: Path, action: Any, hook: Any, shell: Any
) -> None:
    git("rm", "-q", "old/known.png")
    before = commit("nothing that is flagged")
    git("switch", "-qc", "change")
    bright(repository, *NAMES)
    (repository / "notes.txt").write_text("other text\n")
    found = {"hook": len(re.findall(r",ok,[\d.]+,fake,", hook().stdout))}
    commit("one picture under every name")
    found["tree"] = shell("scan . --out report.csv")
    step = action(changed_since=before)
    found |= {"action: fake": int(step.outputs["fake"]), "action: files": int(step.outputs["files"])}
    origin = repository.with_name(f"{repository.name}.git")
    git("clone", "-q", "--bare", ".", str(origin))
    git("remote", "add", "origin", str(origin))
    lines = documented("docs/ci.md", "git diff", "scan --files-from")
    assert len(lines) == 2, "the shell and GitLab"
    found |= {f"docs/ci.md {number}": shell(script) for number, script in enumerate(lines)}
    (repository / "last").write_text("")
    os.utime(repository / "last", (0, 0))
    (use,) = documented("README.md", "find ", "--files-from")
    (line,) = (line for line in use.splitlines() if line.startswith("find "))
    found["README.md"] = shell(line)
    assert found == dict.fromkeys(found, len(NAMES)) and len(NAMES) > 200


@pytest.mark.slow
def test_odd_names_are_names(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    bright(repository, b"caf\xe9.jpg", "--no-scanignore", "-", "a\u2028b.png", " lead.jpg", "x\ny")
    commit("odd names")
    step = action(changed_since=before)
    assert step.exit_code == 1 and step.outputs["files"] == step.outputs["fake"] == "6"
    assert "caf\\xe9.jpg" in rows() and "x\ny" in rows()
    assert action(changed_since=before, paths="a\u2028b.png\n--no-scanignore\n-").outputs["files"] == "3"


GLOBS = [
    ("assets/*", 3), ("assets/*.jpg", 1), ("assets/**/*.jpg", 2), ("assets/**", 3), ("*/img/", 1), ("**/*.jpg", 5),
    ("*.jpg", 2), ("f\\?.jpg", 1), ("assets/[!a].mpo\n?.jpg", 2), ("./assets/?.jpg\nassets", 3), ("./", 6),
]  # fmt: skip


@pytest.mark.slow
def test_globs_are_those_of_a_scan(repository: Path, action: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    git("rm", "-q", "dark.png", "old/known.png")
    before = commit("nothing but a text")
    bright(
        repository,
        "assets/a.jpg",
        "assets/deep/er/b.jpg",
        "assets/c.mpo",
        "web/img/d.jpg",
        "e.jpg",
        "f\\g.jpg",
    )
    (repository / "assets" / "notes.jpg.txt").write_text("text")
    commit("fakes")
    script = runpy.run_path(str(ROOT / "ci" / "action.py"))
    for paths, number in GLOBS:
        operands = paths.split("\n")
        listed = script["changed_since"](before, operands).decode().split("\0")[:-1]
        changed, tree = (
            {str(Path(candidate.path)) for candidate in walk(names, Selection(media_only=True))}
            for names in (listed, operands)
        )
        assert changed == tree and len(tree) == number, paths
    step = action(changed_since=before, paths="assets/**/*.jpg")
    assert step.exit_code == 1 and set(rows()) == {"assets/a.jpg", "assets/deep/er/b.jpg"}


@pytest.mark.slow
def test_a_path_that_stands_for_nothing_does_not_pass_unseen(repository: Path, action: Any) -> None:
    before = git("rev-parse", "HEAD")
    bright(repository, "new/a.jpg")
    commit("fake")
    for path in ("nwe", "nwe/*.jpg"):
        step = action(changed_since=before, paths=path)
        assert step.exit_code == 2 and rows()[path]["error"] == "not_found"
    assert action(changed_since=before, paths="old").exit_code == 0, "nothing changed there"
    assert action(changed_since=before, paths="old/*.jpg\n*.png").exit_code == 2
    git("rm", "-rq", "old")
    commit("gone")
    step = action(changed_since=before, paths="old\nold/*")
    assert step.exit_code == 0 and step.outputs["files"] == "0", "what a change takes away is no error"


@pytest.mark.slow
def test_renames_links_and_deletions(repository: Path, action: Any) -> None:
    bright(repository, "was.jpg", "gone.jpg", "far/there.jpg")
    before = commit("fakes")
    git("mv", "was.jpg", "is.jpg")
    git("rm", "-q", "gone.jpg")
    (repository / "link.jpg").symlink_to("far/there.jpg")
    (repository / "to far").symlink_to("far")
    (repository / "nowhere").symlink_to("gone")
    git("rm", "-q", "notes.txt")
    (repository / "notes.txt").symlink_to("far/there.jpg")
    commit("moved")
    step = action(changed_since=before)
    assert step.exit_code == 1 and set(rows()) == {"is.jpg", "link.jpg", "notes.txt"}
    bright(repository, "far/new.jpg")
    commit("behind a link")
    action(changed_since=before, paths="to far")
    assert set(rows()) == {"far/new.jpg"}


@pytest.mark.slow
def test_of_a_submodule_that_moved_all_is_scanned(
    repository: Path, action: Any, hook: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = git("rev-parse", "HEAD")
    other = tmp_path_factory.mktemp("other")
    git("init", "-q", str(other))
    bright(other, "a.jpg", "b")
    git("-C", str(other), "add", "-A")
    git("-C", str(other), "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "x")
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "module")
    assert "module/a.jpg,ok," in hook().stdout
    git("config", "diff.ignoreSubmodules", "all")
    commit("a submodule")
    assert action(changed_since=before).outputs["fake"] == "2"
    assert set(rows()) == {"module/a.jpg", "module/b"}


@pytest.mark.slow
def test_what_was_not_fetched_is_not_passed_in_silence(repository: Path, action: Any, hook: Any) -> None:
    before = git("rev-parse", "HEAD")
    (repository / "photo.jpg").write_bytes(LFS)
    done = hook()
    assert done.returncode == 1 and "git lfs pull" in done.stdout
    commit("a pointer")
    step = action(changed_since=before)
    assert step.exit_code == 2 and rows()["photo.jpg"]["error"] == "not_an_image"
    assert "git lfs pull" in step.err
    git("mv", "photo.jpg", "photo")
    commit("its name says nothing")
    step = action(changed_since=before)
    assert step.exit_code == 0 and "**Not looked at:** 1 pointer files." in step.summary


@pytest.mark.slow
def test_the_hook_takes_links_and_no_name_for_an_option(
    repository: Path, hook: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    bright(outside, "a.dat")
    (repository / "link").symlink_to(outside / "a.dat")
    (repository / "--exit-zero").write_text("text")
    done = hook()
    assert done.returncode == 1 and "link,ok," in done.stdout
    git("rm", "-q", "--cached", "link")
    (repository / "link").unlink()
    assert hook().returncode == 0, "a text"


@pytest.mark.slow
def test_a_picture_is_a_picture_to_the_hook_whatever_its_name(repository: Path, hook: Any) -> None:
    picture(repository / "dark2.png", 30).rename(repository / "dark2.py")
    assert hook().returncode == 0
    bright(repository, "x.py")
    done = hook()
    assert done.returncode == 1 and "x.py,ok," in done.stdout

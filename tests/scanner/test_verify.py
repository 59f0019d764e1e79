"""A report that can be checked: each kind of change is noticed, and nothing else is."""

from __future__ import annotations

import json
import shutil
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grey: Callable[..., Path], scan: Any, model: Path
) -> Path:
    """The manifest of a scan of two pictures and a broken one, with the model ``m.onnx``."""
    monkeypatch.chdir(tmp_path)
    grey("in/a.png", 40)
    grey("in/caf\udce9.png", 90)
    Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    shutil.copy(model, "m.onnx")
    assert scan("in", "--out", "r.csv", "--out", "r.html", "--model", "m.onnx").code == 2
    return Path("r.run.json")


def check(scan: Any, *options: object) -> tuple[int, list[str]]:
    run = scan("--verify", "r.run.json", "--model", "m.onnx", *options)
    assert run.out == b""
    lines = run.err.splitlines()
    assert lines[0].startswith("r.run.json: SHA-256 ")
    return run.code, lines[1:]


def test_nothing_changed(scan: Any) -> None:
    assert check(scan) == (0, ["unchanged: 2 reports, 1 model; changed or missing: 0"])
    assert check(scan, "--files") == (0, ["unchanged: 2 reports, 1 model, 3 files; changed or missing: 0"])


def test_a_byte_order_mark_before_manifest_and_table_is_no_content(scan: Any, grey: Any) -> None:
    Path("r.run.json").write_bytes(BOM_UTF8 + Path("r.run.json").read_bytes())
    assert check(scan, "--files") == (0, ["unchanged: 2 reports, 1 model, 3 files; changed or missing: 0"])
    Path("r.csv").write_bytes(BOM_UTF8 + Path("r.csv").read_bytes())
    grey("in/a.png", 41)
    code, lines = check(scan, "--files")
    assert code == 1 and [line.partition(" (")[0] for line in lines] == [
        "report changed: r.csv",
        "file changed: in/a.png",
        "unchanged: 1 report, 1 model, 2 files; changed or missing: 2",
    ]


@pytest.mark.parametrize("name", ["r.csv", "r.html"])
def test_a_changed_cell_is_noticed(scan: Any, name: str) -> None:
    path = Path(name)
    path.write_bytes(path.read_bytes().replace(b"real", b"fake", 1))
    code, lines = check(scan)
    assert code == 1 and lines[0].startswith(f"report changed: {name} (SHA-256 ") and len(lines) == 2


def test_a_changed_picture_and_a_missing_one_are_noticed(scan: Any, grey: Any) -> None:
    grey("in/a.png", 41)
    Path("in/caf\udce9.png").unlink()
    assert check(scan)[0] == 0, "without --files they are not looked at"
    code, lines = check(scan, "--files")
    assert code == 1 and [line.partition(" (")[0] for line in lines[:-1]] == [
        "file changed: in/a.png",
        r"file missing: in/caf\xe9.png",
    ]
    assert lines[-1] == "unchanged: 2 reports, 1 model, 1 file; changed or missing: 2"


def test_a_changed_model_and_another_one_are_noticed(scan: Any) -> None:
    Path("m.onnx").write_bytes(Path("m.onnx").read_bytes() + b"x")
    code, lines = check(scan)
    assert code == 1 and lines[0].startswith("model changed: m.onnx")
    Path("m.onnx").unlink()
    code, lines = check(scan)
    assert code == 1 and lines[0].startswith("model missing: ")


def test_another_model_than_the_shipped_one_has_to_be_named(scan: Any, model: Path) -> None:
    from models.support.errors import ExitCode
    from scanner.verify import verify

    said: list[str] = []
    assert verify(Path("r.run.json"), files=False, model=None, say=said.append) is ExitCode.FINDINGS
    assert said[1] == "model not checked: the scan used m.onnx; name it with --model FILE"


def test_a_missing_report_is_noticed_and_files_need_one(scan: Any) -> None:
    Path("r.csv").unlink()
    code, lines = check(scan)
    assert code == 1 and lines[0] == "report missing: r.csv (No such file or directory)"
    run = scan("--verify", "r.run.json", "--model", "m.onnx", "--files")
    assert run.code == 2 and "names no CSV report that is there" in run.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [None, b"", b"{}", b"\xff", b'{\n  "manifest_schema": 1, "reports": {}}', b"x"]
)
def test_what_is_no_manifest_is_refused(scan: Any, content: bytes | None) -> None:
    Path("other.json").write_bytes(content) if content is not None else None
    run = scan("--verify", "other.json")
    assert run.code == 2 and "error: " in run.err and "Traceback" not in run.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in", "--verify", "r.run.json"], "scans nothing"),
        (["--verify", "r.run.json", "--out", "x.csv"], "scans nothing"),
        (["in", "--out", "x.csv", "--files"], "there is no --verify"),
    ],
)
def test_modes_are_not_mixed(scan: Any, arguments: list[str], words: str) -> None:
    run = scan(*arguments)
    assert run.code == 2 and words in run.err


def test_reports_are_found_from_the_manifest_and_not_from_the_working_folder(
    scan: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = scan("--verify", "../r.run.json", "--model", "../m.onnx")
    assert run.code == 0
    assert json.loads(Path("../r.run.json").read_text())["reports"].keys() == {"r.csv", "r.html"}

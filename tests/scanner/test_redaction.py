"""Reports that may be shared: no name in any byte of them, and the rest as it was."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import FileResult, Status, encode_path
from scanner.reports.redaction import redacted_result
from scanner.results import SETTLING_NS, ErrorCode

CANARY = "Qzkanarie9"  # short enough to be counted as a suffix
REPORTS = ("r.csv", "r.findings.csv", "r.jsonl", "r.parquet", "r.sarif", "r.xml", "r.html")
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(100)


def forms(content: bytes) -> list[str]:
    """What a text may be read as."""
    text = content.decode("utf-8", "backslashreplace")
    unescaped = re.sub(r"\\(?:x|u00)([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)
    return [form.lower() for form in (text, urllib.parse.unquote(text), html.unescape(text), unescaped)]


def leaks(content: bytes) -> bool:
    if any(CANARY.lower() in form for form in forms(content)):
        return True
    # In base64 a text looks in three ways, by its place; its first and last characters mix with what is beside it.
    coded = [base64.b64encode(b"\0" * shift + CANARY.encode())[4:-4] for shift in range(3)]
    return any(code in content for code in coded) or CANARY.encode().hex().encode() in content


def content_of(path: Path) -> bytes:
    """As stored and, of Parquet, which compresses, as it is read back."""
    stored = path.read_bytes()
    if path.suffix != ".parquet":
        return stored
    from pyarrow import parquet

    table = parquet.read_table(path)
    return stored + repr((table.to_pylist(), table.schema.metadata)).encode()


@pytest.mark.parametrize(
    "text",
    [f"a/{CANARY}.jpg", "%51zkanarie9", CANARY.upper(), f"&#81;{CANARY[1:]}", f"\\x51{CANARY[1:]}",
     f"\\u0051{CANARY[1:]}",
     *(base64.b64encode(f"{'x' * shift}{CANARY}.jpg".encode()).decode() for shift in range(3))],
)  # fmt: skip
def test_the_search_finds_a_name_in_disguise(text: str) -> None:
    assert leaks(text.encode()) and not leaks(b"file-0000001.jpg")


@pytest.fixture
def told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grey: Callable[..., Path], scan: Any, model: Path
) -> Any:
    """Scan a folder in which everything has a telling name; other things that a scan is told have one, too."""
    monkeypatch.chdir(tmp_path)
    folder = Path(f"in {CANARY}")
    for value, name in enumerate(
        (f"{CANARY}.png", f"{CANARY}/deep.jpg", f"<b>&amp;%{CANARY}\x1b[31m\n\"'.png", f"caf\udce9{CANARY}.png",
         f"photo.{CANARY}", f"back\\slash{CANARY}.gif"), start=1,
    ):  # fmt: skip
        grey(folder / name, 40 * value)
    (folder / f"broken {CANARY}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / f"empty {CANARY}.png").touch()
    (folder / f"film {CANARY}.mp4").write_bytes(MP4)
    (folder / f"phone.{CANARY}.heic").write_bytes(b"no heic")
    (folder / f"notes.{CANARY}").write_text("nothing")
    grey(folder / f"left out {CANARY}.png", 9)
    shutil.copy(model, f"{CANARY}.onnx")
    (folder / ".scanignore").write_text("nothing\n")
    Path(f"conf {CANARY}.toml").write_text("[tool.deepfake-scanner]\ncache-mib = 9\n")
    Path(f"list {CANARY}").write_text(f"gone {CANARY}.png\n")
    assert scan(folder, "--out", f"known {CANARY}.csv", "--exclude", "left out*").code == 2
    Path("share").mkdir()

    def run(*options: object) -> Any:
        outs = [word for name in REPORTS for word in ("--out", f"share/{name}")]
        return scan(
            folder, *outs, "--model", f"{CANARY}.onnx", "--files-from", f"list {CANARY}", "--baseline",
            f"known {CANARY}.csv", "--cache", f"cache {CANARY}", "--exclude", f"left out {CANARY}*", "--log-file",
            f"log {CANARY}.log", "--fail-on", "inconclusive", "--config", f"conf {CANARY}.toml", *options,
        )  # fmt: skip

    return run


@pytest.mark.slow
@pytest.mark.parametrize("pictures", [True, False])
def test_no_byte_of_any_report_tells_a_name(told: Any, pictures: bool) -> None:
    options = () if pictures else ("--no-thumbnails",)
    shared = [Path("share", name) for name in (*REPORTS, "r.run.json")]
    told(*options)
    assert [path.name for path in shared if not leaks(content_of(path))] == [], "the search works"
    for _ in range(2):  # the second takes its results from the cache
        run = told("--redact-paths", *options)
        assert run.code == 2
        assert [path.name for path in shared if leaks(content_of(path))] == []
    assert ("data:image/jpeg" in Path("share/r.html").read_text()) is pictures
    # Both are private.
    assert CANARY in run.err and CANARY in Path(f"log {CANARY}.log").read_text()


@pytest.mark.slow
def test_all_else_in_the_rows_stays(told: Any, rows_of: Any) -> None:
    told()
    true = rows_of(Path("share/r.csv"))
    told("--redact-paths")
    shown = rows_of(Path("share/r.csv"))
    assert len(shown) == 11 and [{**row, "path": ""} for row in shown] == [
        {**row, "path": ""} for row in true
    ]
    suffixes = dict(zip((row["path"] for row in true), (row["path"] for row in shown), strict=True))
    for number, (name, redacted) in enumerate(suffixes.items(), start=1):
        suffix = name.rpartition(".")[2]
        assert redacted == f"file-{number:07}" + ("" if suffix == CANARY else f".{suffix}")
    assert any(name.endswith(f"photo.{CANARY}") for name in suffixes)
    records = [json.loads(line) for line in Path("share/r.jsonl").read_text().splitlines()]
    assert [record["path"] for record in records] == [row["path"] for row in shown]
    assert {record["detail"] for record in records} == {None}
    assert {record["error"] for record in records} > {"corrupt_image", "empty_file", "not_found"}


@pytest.mark.slow
def test_the_manifest_keeps_all_that_names_nothing(told: Any, model: Path) -> None:
    told()
    true = json.loads(Path("share/r.run.json").read_text())
    told("--redact-paths")
    shown = json.loads(Path("share/r.run.json").read_text())
    assert (true["redacted"], shown["redacted"]) == (False, True)
    named = {
        "files_from": "redacted",
        "include": [],
        "exclude": ["redacted"],
        "baseline": "redacted",
        "cache": "redacted",
    }
    assert shown["options"] == true["options"] | named
    assert shown["inputs"] == ["redacted"]
    assert shown["model"] == true["model"] | {"file": f"model-{true['model']['sha256'][:12]}.onnx"}
    assert true["counts"]["other_files"] == {".qzkanarie9": 1, ".scanignore": 1, "excluded file": 1}
    assert shown["counts"]["other_files"] == {"(other suffix)": 2, "excluded file": 1}
    assert list(shown["reports"]) == list(REPORTS)
    assert [file["path"] for file in shown["scanignore"]] == ["redacted"]
    assert [file["sha256"] for file in shown["scanignore"]] == [file["sha256"] for file in true["scanignore"]]
    assert list(shown["configuration"]["files"].values()) == list(true["configuration"]["files"].values())
    assert shown["configuration"]["from"]["cache-mib"] == "redacted-1"
    free = (
        "started", "finished", "seconds", "redacted", "options", "inputs", "model", "counts", "reports", "scanignore",
        "configuration",
    )  # fmt: skip
    assert {key: value for key, value in shown.items() if key not in free} == {
        key: value for key, value in true.items() if key not in free
    }


def test_a_redacted_manifest_checks_reports_and_model_and_no_files(told: Any, scan: Any) -> None:
    told("--redact-paths")
    run = scan("--verify", "share/r.run.json", "--model", f"{CANARY}.onnx")
    assert (run.code, run.err.splitlines()[-1]) == (0, "unchanged: 7 reports, 1 model; changed or missing: 0")
    Path("share/r.csv").write_bytes(Path("share/r.csv").read_bytes() + b"\n")
    run = scan("--verify", "share/r.run.json", "--model", f"{CANARY}.onnx")
    assert run.code == 1 and "report changed: share/r.csv" in run.err
    run = scan("--verify", "share/r.run.json", "--model", f"{CANARY}.onnx", "--files")
    assert run.code == 2 and "were redacted" in run.err and "SHA-256 only with the true report" in run.err


def test_the_shipped_model_is_known_by_its_hash(
    tmp_path: Path, scan: Any, monkeypatch: pytest.MonkeyPatch, model: Path, grey: Any
) -> None:
    from models.support.errors import ExitCode
    from scanner import verify

    monkeypatch.chdir(tmp_path)
    grey("a.png", 9)
    scan("a.png", "--out", "r.csv", "--redact-paths")
    digest = json.loads(Path("r.run.json").read_text())["model"]["sha256"]
    monkeypatch.setattr(verify, "resolve_model", lambda path: (Path("shipped.onnx"), digest))
    assert verify.verify(Path("r.run.json"), files=False, model=None, say=print) is ExitCode.OK
    monkeypatch.setattr(verify, "resolve_model", lambda path: (Path("shipped.onnx"), "0" * 64))
    assert verify.verify(Path("r.run.json"), files=False, model=None, say=print) is ExitCode.FINDINGS


@pytest.mark.slow
def test_a_redacted_report_serves_as_a_baseline(told: Any, rows_of: Any) -> None:
    told("--redact-paths")
    findings = [row for row in rows_of(Path("share/r.csv")) if row["verdict"] == "fake"]
    assert findings and {row["baseline"] for row in findings} == {"known"}
    shutil.copy("share/r.csv", "shared.csv")
    told("--baseline", "shared.csv")
    again = [row for row in rows_of(Path("share/r.csv")) if row["verdict"] == "fake"]
    assert len(again) == len(findings) and {row["baseline"] for row in again} == {"known"}


def test_a_report_elsewhere_is_named_without_its_folder(here: Path, scan: Any) -> None:
    Path(CANARY).mkdir()
    run = scan("in", "--out", f"{CANARY}/r.csv", "--manifest", "m.json", "--redact-paths")
    assert run.code == 1 and list(json.loads(Path("m.json").read_text())["reports"]) == ["r.csv"]
    shutil.move(f"{CANARY}/r.csv", "r.csv")
    assert scan("--verify", "m.json").code == 0, "it is looked for beside the manifest"


def test_two_reports_of_one_name_are_refused(here: Path, scan: Any) -> None:
    Path("sub").mkdir(exist_ok=True)
    run = scan("in", "--out", "r.csv", "--out", "sub/r.csv", "--redact-paths")
    assert run.code == 2 and "2 reports are called r.csv" in run.err and not Path("r.csv").exists()
    assert scan("in", "--out", "r.csv", "--out", "sub/r.csv").code == 1


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(1, 10**9))
def test_no_name_comes_through(name: str, number: int) -> None:
    result = FileResult(encode_path(name), Status.ERROR, ErrorCode.CORRUPT_IMAGE, detail=f"{name}: broken")
    shown = redacted_result(result, number)
    stem, dot, suffix = shown.path.partition(".")
    assert stem == f"file-{number:07}" and shown.detail == ""
    assert not dot or (name.lower().endswith(f".{suffix}") and suffix.isascii() and suffix.isalnum())
    texts = {value for value in asdict(shown).values() if isinstance(value, str)}
    assert texts == {shown.path, "", "error", "corrupt_image"}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, grey: Callable[..., Path]) -> Path:
    """A folder of pictures, old enough to be trusted."""
    root = tmp_path_factory.mktemp("many")
    one = grey(root / "0.png", 100)
    for number in range(1, 400):
        os.link(one, root / f"{CANARY} {number}.png")
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    return root


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("redacted_at_first", [True, False])
def test_redaction_may_change_when_a_scan_goes_on(
    redacted_at_first: bool, many: Path, tmp_path: Path, process: Any, shell: Any
) -> None:
    before, after = (["--redact-paths"], [])[:: 1 if redacted_at_first else -1]
    shell(many, "--out", "whole.csv", "-q", *after)
    journal = tmp_path / "r.csv.journal"
    with process(many, "--out", "r.csv", "-q", "--workers", 1, *before) as running:
        wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 100)
        running.kill()
    assert leaks((tmp_path / "r.csv.partial").read_bytes()) is not redacted_at_first
    run = shell(many, "--out", "r.csv", *after)
    assert run.code == 0 and "continuing a scan that was cut off" in run.err
    assert json.loads((tmp_path / "r.run.json").read_text())["counts"]["recalled"] > 0
    assert (tmp_path / "r.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.slow
def test_what_an_interruption_leaves_is_redacted(many: Path, tmp_path: Path, process: Any) -> None:
    partials = [tmp_path / f"{name}.partial" for name in ("r.csv", "r.jsonl", "r.sarif")]
    outs = [word for path in partials for word in ("--out", path.stem)]
    with process("--files-from", "-", *outs, "--redact-paths", stdin=subprocess.PIPE) as running:
        # The list is never finished, so the scan is certain to be at work when the signal comes.
        running.stdin.write("".join(f"{path}\n" for path in sorted(many.iterdir())).encode())
        running.stdin.flush()
        wait_for(lambda: partials[0].exists() and partials[0].read_bytes().count(b"\n") > 20)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
    assert b"file-0000020.png" in partials[0].read_bytes()
    assert [path.name for path in partials if leaks(path.read_bytes())] == []

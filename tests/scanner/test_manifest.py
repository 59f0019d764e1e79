"""The run manifest says how a report came to be, and is the truth about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from scanner.reports.manifest import looks_like_manifest, manifest_path


@pytest.fixture
def run(scan: Callable[..., Any], grey: Callable[..., Path], calibrated: Path, tmp_path: Path) -> Any:
    """A scan of two bright, one middling and one dark picture, a broken one and a text: code and manifest."""
    for name, value in {"a": 250, "b": 210, "c": 130, "d": 20}.items():
        grey(tmp_path / "in" / f"{name}.png", value)
    (tmp_path / "in" / "e.png").write_bytes(b"")
    (tmp_path / "in" / "notes.txt").write_text("text")

    def go(*arguments: object) -> tuple[int, dict[str, Any]]:
        out = tmp_path / "report.csv"
        done = scan(tmp_path / "in", "--out", out, "--model", calibrated, *arguments)
        return done.code, json.loads((tmp_path / "report.run.json").read_text(encoding="utf-8"))

    return go


def test_it_names_the_tool_its_libraries_and_the_model(run: Any, calibrated: Path) -> None:
    _, manifest = run()
    assert manifest["tool"] == {"name": "deepfake-scanner", "version": metadata.version("deepfake-scanner")}
    for name in ("pillow", "numpy"):
        assert manifest["libraries"][name] == metadata.version(name)
    assert any(name.startswith("onnxruntime") for name in manifest["libraries"])
    assert manifest["model"]["sha256"] == hashlib.sha256(calibrated.read_bytes()).hexdigest()
    facts = {
        key: manifest["model"][key] for key in ("file", "name", "license", "calibrated", "inconclusive_low")
    }
    assert facts == {
        "file": "bright.onnx", "name": "bright", "license": "CC-BY-4.0", "calibrated": True, "inconclusive_low": 0.4,
    }  # fmt: skip
    assert manifest["device"] == {"used": "cpu", "provider": "CPUExecutionProvider", "fallback": None}
    assert (manifest["aggregation"], manifest["precision"]) == ("single", "fp32")


def test_it_counts_what_the_report_holds(run: Any) -> None:
    _, manifest = run()
    assert manifest["counts"] == {
        "files": 5,
        "recalled": 0,
        "cached": 0,
        "status": {"ok": 4, "error": 1, "skipped": 0},
        "verdict": {"fake": 2, "inconclusive": 1, "real": 1},
        "known": {"fake": 0, "inconclusive": 0},
        "declared": {"generated": 0, "edited": 0, "camera": 0},
        "error": {"empty_file": 1},
        "unscored_faces": {},
        "other_files": {".txt": 1},
        "left_out_of_sarif": {"known": 0, "results": 0, "notifications": 0},
        "left_out": {},
    }


def test_its_hash_is_the_reports(run: Any, tmp_path: Path) -> None:
    _, manifest = run()
    digest = hashlib.sha256((tmp_path / "report.csv").read_bytes()).hexdigest()
    assert manifest["reports"] == {"report.csv": digest}


def test_it_says_whether_the_audit_is_complete(run: Any) -> None:
    assert [run(*options)[1]["complete"] for options in ((), ("--max-errors", 1))] == [False, True]
    code, manifest = run()
    assert code == manifest["exit_code"] == 2


def test_it_records_the_limits_in_force(run: Any) -> None:
    limits = run("--max-pixels", 5000, "--max-decode-seconds", 7)[1]["options"]["limits"]
    assert limits == {
        "max_bytes": 1 << 30, "max_pixels": 5000, "max_faces": 64,
        "cpu_seconds": 7.0, "stall_seconds": 14.0, "memory_bytes": 4 << 30,
    }  # fmt: skip


def test_it_records_options_policy_and_times(run: Any) -> None:
    _, manifest = run("--threshold", "fpr1", "--workers", 3, "--exclude", "*.gif")
    assert manifest["policy"] == {"threshold": 0.8, "low": 0.4, "threshold_source": "fpr1"}
    assert manifest["workers"] == manifest["options"]["workers"] == 3
    assert manifest["options"]["exclude"] == ["*.gif"]
    started, finished = (datetime.fromisoformat(manifest[key]) for key in ("started", "finished"))
    assert started <= finished and manifest["seconds"] >= 0
    assert started.utcoffset() is not None


def test_it_says_where_options_came_from(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAN_NO_CONFIG", "")
    assert run()[1]["configuration"] == {"files": {}, "from": {}}
    monkeypatch.setenv("SCAN_EXCLUDE", "*.gif")
    monkeypatch.chdir(tmp_path)
    content = b"[tool:deepfake-scanner]\nthreshold = fpr1\nmax-errors = 7\n"
    (tmp_path / "setup.cfg").write_bytes(content)
    _, manifest = run("--max-errors", 3)
    assert manifest["configuration"] == {
        "files": {"setup.cfg": hashlib.sha256(content).hexdigest()},
        "from": {"exclude": "environment SCAN_EXCLUDE", "threshold": "setup.cfg"},
    }
    assert manifest["policy"]["threshold_source"] == "fpr1" and manifest["options"]["max_errors"] == 3


def test_it_stands_beside_its_report() -> None:
    assert manifest_path(Path("a/b.c.csv")) == Path("a/b.c.run.json")


def test_a_manifest_is_recognised_by_its_beginning(run: Any, tmp_path: Path) -> None:
    run()
    assert looks_like_manifest((tmp_path / "report.run.json").read_bytes()[:256])
    assert not looks_like_manifest(b'{"name": "package.json"}')

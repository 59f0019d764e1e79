"""``scan --video sample``: its options, its rows in every report, cache, baseline, redaction, a check, a kill."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from films import write_film, write_greys
from portraits import on_grey
from pyarrow import parquet
from tiny_onnx import FACES

from models.contract import Threshold
from models.support.dependencies import MissingExtra
from scanner import Detector, Sampling
from scanner.results import SETTLING_NS


@pytest.fixture
def folder(inside: Path) -> Path:
    """Two people for two seconds, and nobody."""
    frames = [
        on_grey(640, 360, ("collins", 200, 20 + step, 80), ("hopper", 220, 400, 60)) for step in range(40)
    ]
    write_film(inside / "two.mp4", frames, [number / 20 for number in range(40)])
    write_greys(inside / "nobody.webm", [90] * 20)
    return inside


REPORTS = ("r.csv", "r.findings.csv", "r.jsonl", "r.parquet", "r.sarif", "r.xml", "r.html")
OUTS = [word for name in REPORTS for word in ("--out", name)]


def table(name: str) -> list[dict[str, str]]:
    with Path(name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_without_the_option_films_are_left_alone(scan: Any, folder: Path) -> None:
    scan("in", "--out", "r.csv")
    assert [(row["status"], row["error"], row["sha256"], row["seconds"]) for row in table("r.csv")] == [
        ("skipped", "unsupported_media", "", "")
    ] * 2
    assert "video" not in json.loads(Path("r.run.json").read_text())


def test_options_that_could_do_nothing_are_refused(scan: Any, folder: Path) -> None:
    run = scan("in", "--out", "r.csv", "--video-bursts", 3)
    assert run.code == 2 and "without --video sample, --video-bursts can do nothing" in run.err


def test_without_pyav_it_is_one_sentence(
    scan: Any, folder: Path, faces_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra):
        Detector.load(faces_model, "cpu").looking_at(Sampling(video=True))
    run = scan("in", "--out", "r.csv", "--video", "sample")
    (line,) = run.err.splitlines()
    assert run.code == 2 and 'pip install "deepfake-scanner[video]"' in line and not Path("r.csv").exists()


@pytest.fixture(scope="session")
def strict_model(make_model: Callable[..., Path]) -> Path:
    """A threshold for one face and higher ones for more."""
    from dataclasses import replace

    thresholds = {"default": Threshold(0.001)}
    by_faces = {"default": [0.001, 0.002, 0.003, 0.004]}
    return make_model(replace(FACES, calibrated=True, thresholds=thresholds, thresholds_by_faces=by_faces))


@pytest.mark.slow
def test_every_report_tells_of_times_and_tracks(scan: Any, folder: Path, strict_model: Path) -> None:
    run = scan("in", *OUTS, "--video", "sample", "--model", strict_model, "--exit-zero")
    assert run.code == 0, run.err
    nobody, two = table("r.csv")
    assert (nobody["status"], nobody["error"], nobody["faces"]) == ("skipped", "no_face", "0")
    assert (two["status"], two["format"], two["frames"], two["faces"]) == ("ok", "MP4", "8", "4")
    assert float(two["seconds"]) == pytest.approx(2, abs=0.06) and len(two["sha256"]) == 64
    findings = table("r.findings.csv")
    assert len(findings) == 16 and {row["track"] for row in findings} == {"1", "2", "3", "4"}
    (deciding,) = (row for row in findings if row["decides"] == "yes")
    assert deciding["track_prob_fake"] == two["prob_fake"] and deciding["left"] == two["where"].split()[0]
    assert [row["time"] for row in findings[:4]] == ["0.100", "0.100", "0.350", "0.350"]
    row = json.loads(Path("r.jsonl").read_text().splitlines()[1])
    assert row["coverage"] == {"parts": 1, "pictures": 16, "failed": [], "frames_asked": 8, "frames_got": 8}
    assert [track["frames"] for track in row["tracks"]] == [4] * 4 and row["seconds"] == float(two["seconds"])
    typed = parquet.read_table("r.parquet").to_pylist()[1]
    assert typed["seconds"] == row["seconds"] and typed["findings"][3]["track"] == row["findings"][3]["track"]
    message = json.loads(Path("r.sarif").read_text())["runs"][0]["results"][0]["message"]["text"]
    assert f"(threshold 0.004), track {deciding['track']} of 4 at {deciding['time']} s" in message
    assert f"track {deciding['track']} of 4 at {deciding['time']} s" in Path("r.xml").read_text()
    page = Path("r.html").read_text()
    assert page.count("<circle") == 16 and page.count("data:image/jpeg") == 2, (
        "the face that decides, in its frame"
    )
    assert page.count('<span class="box fake') >= 2
    manifest = json.loads(Path("r.run.json").read_text())
    assert manifest["video"] == {"bursts": 8, "max_seconds": None, "aggregation": "max_track"}
    assert manifest["libraries"]["av"]


@pytest.mark.slow
def test_memories_baseline_and_check_know_films(scan: Any, folder: Path, faces_model: Path) -> None:
    plain = ("in", "--video", "sample", "--model", faces_model, "--threshold", "0.001", "--exit-zero")
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    scan(*plain, "--out", "a.csv", "--cache", "cache")
    scan(*plain, "--out", "b.csv", "--cache", "cache")
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    counts = json.loads(Path("b.run.json").read_text())["counts"]
    assert counts["cached"] == 2
    scan(*plain, "--out", "c.csv", "--cache", "cache", "--video-bursts", 1)
    assert json.loads(Path("c.run.json").read_text())["counts"]["cached"] == 0, "another look at it"
    assert [row["frames"] for row in table("c.csv")] == ["4", "4"]
    known = scan(*plain[:-1], "--out", "d.csv", "--baseline", "a.csv")
    assert known.code == 0 and [row["baseline"] for row in table("d.csv")] == ["", "known"]
    assert scan("--verify", "a.run.json", "--files", "--model", faces_model).code == 0
    with (folder / "two.mp4").open("ab") as stream:
        stream.write(b"x")
    assert scan("--verify", "a.run.json", "--files", "--model", faces_model).code == 1
    scan(*plain, *OUTS, "--redact-paths")
    for name in (*REPORTS, "r.run.json"):
        content = Path(name).read_bytes()
        assert b"two.mp4" not in content and b"nobody.webm" not in content, name
    assert [row["path"] for row in table("r.csv")] == ["file-0000001.webm", "file-0000002.mp4"]


@pytest.mark.slow
def test_a_killed_scan_goes_on_inside_the_film(
    tmp_path: Path, process: Callable[..., subprocess.Popen[bytes]], faces_model: Path
) -> None:
    picture = on_grey(320, 240, ("hopper", 200, 60, 20))
    times = [number / 4 for number in range(4 * 220)]
    write_film(tmp_path / "long.mp4", [picture] * len(times), times, codec="mpeg4")
    time.sleep(SETTLING_NS / 1e9 + 0.1)
    words = (
        "long.mp4",
        "--model",
        faces_model,
        "--video",
        "sample",
        "--video-bursts",
        20,
        "--workers",
        1,
        "--exit-zero",
    )
    whole = [word for name in ("w.csv", "w.findings.csv", "w.jsonl") for word in ("--out", name)]
    with process(*words, *whole) as running:
        assert running.wait(240) == 0
    outs = [word for name in ("r.csv", "r.findings.csv", "r.jsonl") for word in ("--out", name)]
    journal = tmp_path / "r.csv.journal"
    with process(*words, *outs, start_new_session=True) as running:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (
            journal.exists() and journal.read_bytes().count(b'"part"') >= 3
        ):
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGKILL)
    known = journal.read_bytes().count(b'"part"')
    assert 3 <= known < 19
    with process(*words, *outs) as running:
        assert running.wait(240) == 0
    for name in ("csv", "findings.csv", "jsonl"):
        assert (tmp_path / f"r.{name}").read_bytes() == (tmp_path / f"w.{name}").read_bytes()
    assert json.loads((tmp_path / "r.jsonl").read_text())["coverage"]["parts"] == 20
    assert not journal.exists()

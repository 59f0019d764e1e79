"""``scan`` with a model of faces: every face in every picture is found, cut out and scored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from portraits import on_grey
from tiny_onnx import FACES

from models.contract import InputSpec
from models.faces.law import face_law
from scanner import Detector, Limits, scan_paths
from scanner.engine.serial import SerialEngine
from scanner.sources import Candidate, MediaKind


@pytest.fixture
def folder(inside: Path) -> Path:
    """Two people, one, nobody, somebody far away, and one near with one far away."""
    on_grey(1200, 800, ("collins", 300, 50, 300), ("hopper", 500, 500, 150)).save(inside / "two.png")
    on_grey(600, 600, ("collins", 400, 100, 100)).save(inside / "one.png")
    on_grey(400, 300).save(inside / "nobody.png")
    on_grey(400, 300, ("hopper", 55, 200, 100)).save(inside / "small.png")
    on_grey(1000, 700, ("hopper", 400, 500, 150), ("collins", 55, 100, 100)).save(inside / "crowd.png")
    return inside


def lines(report: str = "r.jsonl") -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in Path(report).read_text(encoding="utf-8").splitlines()]
    return {Path(row["path"]).name: row for row in rows}


def test_each_face_is_a_finding_and_the_largest_score_is_the_files(
    scan: Any, folder: Path, faces_model: Path
) -> None:
    run = scan("in", "--out", "r.jsonl", "--model", faces_model, "--exit-zero")
    assert run.code == 0
    rows = lines()
    two = rows["two.png"]
    assert two["status"] == "ok" and two["faces"] == 2 and len(two["findings"]) == 2
    assert two["prob_fake"] == pytest.approx(max(one["prob_fake"] for one in two["findings"]), abs=1e-6)
    (hopper, collins) = (one["region"] for one in two["findings"])
    assert collins[2] < hopper[0] and hopper[2] - hopper[0] > collins[2] - collins[0]
    assert all(0.7 <= one["face"] <= 1 for one in two["findings"])
    assert (rows["one.png"]["faces"], len(rows["one.png"]["findings"])) == (1, 1)
    assert rows["one.png"]["unscored_faces"] == []
    manifest = json.loads(Path("r.run.json").read_text())
    assert manifest["aggregation"] == "max_face" and manifest["model"]["faces"]["margin"] == 1.2
    assert manifest["counts"]["error"] == {"face_too_small": 1, "no_face": 1}


def test_faces_without_a_score_are_told_with_their_reason(scan: Any, folder: Path, faces_model: Path) -> None:
    scan("in", "--out", "r.jsonl", "--out", "r.csv", "--model", faces_model, "--exit-zero")
    rows = lines()
    assert {name: row["faces"] for name, row in rows.items()} == {
        "crowd.png": 1,
        "nobody.png": 0,
        "one.png": 1,
        "small.png": 0,
        "two.png": 2,
    }
    for name in ("crowd.png", "small.png"):
        [face] = rows[name]["unscored_faces"]
        assert face["reason"] == "too_small" and 20 < face["side"] < 48 and 0.7 <= face["face"] <= 1
        left, top, right, bottom = face["region"]
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    assert len(rows["crowd.png"]["findings"]) == 1 and rows["nobody.png"]["unscored_faces"] == []


@pytest.mark.slow
def test_without_a_face_there_is_no_number(scan: Any, folder: Path, faces_model: Path) -> None:
    scan("in", "--out", "r.csv", "--out", "r.jsonl", "--model", faces_model, "--exit-zero")
    rows = lines()
    for name, code in (("nobody.png", "no_face"), ("small.png", "face_too_small")):
        row = rows[name]
        assert (row["status"], row["error"], row["prob_fake"], row["verdict"]) == (
            "skipped",
            code,
            None,
            None,
        )
        assert (row["format"], row["width"], row["height"]) == ("PNG", 400, 300) and row["sha256"]
    strict = scan("in", "--out", "s.csv", "--model", faces_model, "--exit-zero", "--strict")
    assert strict.code == 2 and "2 files could not be scored" in strict.err


def test_a_score_does_not_depend_on_what_lies_around_the_face(
    folder: Path, faces_model: Path, tmp_path: Path
) -> None:
    wide = tmp_path / "wide.png"
    on_grey(1800, 1400, ("collins", 400, 900, 500)).save(wide)
    detector = Detector.load(faces_model, "cpu")
    near, far = scan_paths([str(folder / "one.png"), str(wide)], detector)
    assert near.prob_fake == pytest.approx(far.prob_fake, abs=0.01)


@pytest.mark.slow
def test_the_engine_of_one_machine_gives_what_the_serial_one_gives(folder: Path, faces_model: Path) -> None:
    detector = Detector.load(faces_model, "cpu")
    assert detector.spec == InputSpec(2, 260, 1.2)
    candidates = [Candidate(str(p), p.name, MediaKind.IMAGE, explicit=True) for p in sorted(folder.iterdir())]
    serial = list(SerialEngine(detector, Limits()).results(candidates))
    local = list(scan_paths([str(folder)], detector))
    assert [replace(one, path="", stamp=None) for one in serial] == [
        replace(one, path="", stamp=None) for one in local
    ]


@pytest.mark.slow
def test_the_cache_knows_faces(scan: Any, folder: Path, faces_model: Path) -> None:
    arguments = ("in", "--model", faces_model, "--exit-zero", "--cache", "c", "--rehash")
    scan(*arguments, "--out", "first.jsonl")
    scan(*arguments, "--out", "second.jsonl")
    assert Path("first.jsonl").read_bytes() == Path("second.jsonl").read_bytes()
    # By content alone.
    assert json.loads(Path("second.run.json").read_text())["counts"]["cached"] == 3


def test_a_model_of_other_faces_is_2_and_one_sentence(
    scan: Any, folder: Path, make_model: Callable[..., Path]
) -> None:
    other = make_model(FACES, props={"faces": json.dumps({**face_law(1.2), "least_score": 0.9})})
    run = scan("in", "--out", "r.csv", "--model", other, "-q")
    (line,) = run.err.splitlines()
    assert run.code == 2 and "would not find or cut in the same way (least_score)" in line


def test_no_picture_pays_for_the_face_detector_out_of_its_limits(
    scan: Any, folder: Path, faces_model: Path
) -> None:
    run = scan("in/one.png", "--out", "-", "--model", faces_model, "--max-decode-mib", 64, "--exit-zero")
    assert run.code == 0 and run.rows[0]["status"] == "ok"

"""``scan --frames all``: animations and pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from portraits import on_grey
from tiny_onnx import FACES

from models.contract import Threshold
from scanner import Detector, ErrorCode, FileResult, Status, encode_path
from scanner.engine.local import LocalEngine
from scanner.engine.serial import SerialEngine
from scanner.results.sampling import Sampling
from scanner.sources import Candidate, MediaKind

ALL = Sampling(all_frames=True)


def save(path: Path, frames: list[Image.Image], **options: Any) -> Path:
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


def greys(*values: int) -> list[Image.Image]:
    return [Image.new("RGB", (16, 12), (value, value, value)) for value in values]


def candidate(path: Path) -> Candidate:
    return Candidate(str(path), encode_path(str(path)), MediaKind.IMAGE, explicit=True)


def seen(path: Path, detector: Detector, sampling: Sampling = ALL) -> FileResult:
    (found,) = SerialEngine(detector.looking_at(sampling)).results([candidate(path)])
    return found


def test_each_page_is_scored_and_the_largest_is_the_files(tmp_path: Path, detector: Detector) -> None:
    pages = save(tmp_path / "a.tiff", greys(*([40] * 37), 232, 64))
    found = seen(pages, detector)
    assert (found.status, found.format, found.frames, found.seconds) == (Status.OK, "TIFF", 39, None)
    assert [one.frame for one in found.findings] == list(range(39))
    assert found.deciding is not None and found.deciding.frame == 37 and found.deciding.logit == 3.25
    assert found.prob_fake == found.deciding.prob_fake and found.tracks == () and found.values == 39
    assert found.coverage is not None
    assert (found.coverage.parts, found.coverage.frames_asked, found.coverage.frames_got) == (3, 39, 39)
    first = seen(pages, detector, Sampling())
    assert (first.coverage, [one.frame for one in first.findings]) == (None, [0])


def test_frames_of_an_animation_have_times(tmp_path: Path, detector: Detector) -> None:
    found = seen(save(tmp_path / "a.webp", greys(40, 200, 64), duration=250, lossless=True), detector)
    assert [one.time for one in found.findings] == [0.0, 0.25, 0.5]
    assert [round(one.logit, 3) for one in found.findings] == [-2.75, 2.25, -2.0]


def test_what_lies_behind_the_limit_is_told(tmp_path: Path, detector: Detector) -> None:
    found = seen(
        save(tmp_path / "a.gif", greys(*range(0, 200, 4))), detector, Sampling(all_frames=True, max_frames=20)
    )
    assert found.coverage is not None and found.status is Status.OK
    assert (found.frames, found.coverage.frames_asked, len(found.findings)) == (50, 20, 20)


def test_one_picture_is_one_picture(tmp_path: Path, detector: Detector, grey: Callable[..., Path]) -> None:
    for path in (grey(tmp_path / "a.png", 80), save(tmp_path / "b.tiff", greys(80))):
        assert seen(path, detector) == seen(path, detector, Sampling())


def test_a_page_that_cannot_be_read_leaves_no_number(tmp_path: Path, detector: Detector) -> None:
    pages = [Image.new("L", (8, 8), 40), Image.new("F", (8, 8), 1.5), Image.new("L", (8, 8), 60)]
    found = seen(save(tmp_path / "a.tiff", pages), detector)
    assert (found.status, found.error, found.prob_fake) == (Status.ERROR, ErrorCode.UNSUPPORTED_MODE, None)
    assert found.detail.startswith("2 of 3 frames could be read; frame 1: a TIFF with floating-point pixels")
    assert [one.frame for one in found.findings] == [0, 2]


def test_a_cut_animation_is_no_whole_one(tmp_path: Path, detector: Detector) -> None:
    path = save(tmp_path / "a.gif", [Image.effect_noise((40, 40), 90).convert("RGB") for _ in range(6)])
    path.write_bytes(path.read_bytes()[:-2000])
    found = seen(path, detector)
    assert found.status is Status.ERROR and found.error is ErrorCode.CORRUPT_IMAGE and found.prob_fake is None


def test_the_engine_of_one_machine_gives_what_the_serial_one_gives(
    tmp_path: Path, detector: Detector
) -> None:
    paths = [
        save(tmp_path / "a.tiff", greys(*range(0, 250, 5))),
        save(tmp_path / "b.gif", greys(*range(0, 250, 8)), duration=40),
        save(tmp_path / "c.png", greys(*range(0, 250, 11)), duration=40),
    ]
    told = detector.looking_at(ALL)
    items = [candidate(path) for path in paths]
    found = list(LocalEngine(told, workers=2, batch_size=1).results(items))
    assert found == list(SerialEngine(told).results(items))
    assert [one.status for one in found] == [Status.OK] * 3 and [len(one.findings) for one in found] == [
        50,
        32,
        23,
    ]


@pytest.fixture(scope="session")
def by_faces(make_model: Callable[..., Path]) -> Path:
    thresholds, several = {"default": Threshold(0.001)}, {"default": [0.001, 0.002, 0.003]}
    return make_model(replace(FACES, calibrated=True, thresholds=thresholds, thresholds_by_faces=several))


@pytest.mark.slow
def test_faces_of_all_pages_share_one_threshold(inside: Path, scan: Any, by_faces: Path) -> None:
    pages = [
        on_grey(300, 300),
        on_grey(300, 300, ("hopper", 200, 20, 60)),
        on_grey(500, 300, ("hopper", 200, 20, 60), ("collins", 180, 280, 60)),
    ]
    save(inside / "pages.tiff", pages)
    save(inside / "nobody.gif", greys(10, 200))
    outs = (
        "--out",
        "r.csv",
        "--out",
        "r.jsonl",
        "--out",
        "r.findings.csv",
        "--out",
        "r.html",
        "--out",
        "r.sarif",
    )
    run = scan("in", *outs, "--frames", "all", "--model", by_faces, "--exit-zero")
    assert run.code == 0, run.err
    nobody, row = (json.loads(line) for line in Path("r.jsonl").read_text().splitlines())
    assert (nobody["error"], nobody["faces"], nobody["frames"]) == ("no_face", 0, 2)
    assert (row["faces"], row["frames"], [one["frame"] for one in row["findings"]]) == (3, 3, [1, 2, 2])
    assert "(threshold 0.003), face" in Path("r.sarif").read_text()
    assert Path("r.html").read_text().count("data:image/jpeg") == 2
    manifest = json.loads(Path("r.run.json").read_text())
    assert manifest["frames"] == {"max_frames": 100, "aggregation": "max_finding"} and "video" not in manifest


def test_options_that_could_do_nothing_are_refused(scan: Any, inside: Path) -> None:
    save(inside / "a.gif", greys(10, 200))
    run = scan("in", "--out", "r.csv", "--max-frames", 3)
    assert run.code == 2 and "without --frames all, --max-frames can do nothing" in run.err

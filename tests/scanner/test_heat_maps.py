"""``scan --heatmaps``: overlays, grids, and reports that say nothing else than before."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cam_onnx import with_cam
from PIL import Image
from portraits import on_grey
from tiny_onnx import FACES, write_tiny_model

from models.contract import ModelMetadata, Threshold
from scanner.engine import heat_maps
from scanner.heat_maps.folder import overlay_name

BANDED = ModelMetadata(
    "bright", "3", "fake", calibrated=True, inconclusive_low=0.4, thresholds={"default": Threshold(0.7)}
)
SAME = ("r.csv", "r.findings.csv", "r.parquet", "r.sarif", "r.xml")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright pictures are fake, those in the middle inconclusive."""
    return with_cam(write_tiny_model(tmp_path_factory.mktemp("cam") / "whole.onnx", BANDED))


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_cam(write_tiny_model(tmp_path_factory.mktemp("cam") / "faces.onnx", FACES))


@pytest.fixture
def folder(inside: Path, grey: Callable[..., Path]) -> Path:
    """A real picture, an inconclusive one, two fakes with the same bytes, and a broken file."""
    for name, value in (("a.png", 40), ("b.png", 130), ("c.png", 240), ("copy.png", 240)):
        grey(inside / name, value)
    (inside / "empty.png").write_bytes(b"")
    return inside


def lines(report: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(report).read_text(encoding="utf-8").splitlines()]


def overlays(folder: str = "maps") -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def outs(prefix: str = "", names: tuple[str, ...] = (*SAME, "r.jsonl")) -> list[str]:
    return [word for name in names for word in ("--out", prefix + name)]


def without_cam(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        for finding in row["findings"]:
            finding.pop("cam", None)
    return rows


@pytest.mark.slow
def test_reports_are_the_same_to_the_byte_and_json_lines_but_for_the_grid(
    scan: Any, whole: Path, folder: Path
) -> None:
    common = ("in", "--model", whole, "--max-errors", "9", "-q")
    first = scan(*common, *outs())
    second = scan(*common, *outs("m-"), "--heatmaps", "maps", "--heatmaps-for", "all")
    assert (first.code, second.code) == (1, 1)
    for name in SAME:
        assert Path(name).read_bytes() == Path(f"m-{name}").read_bytes(), name
    assert not any("cam" in finding for row in lines("r.jsonl") for finding in row["findings"])
    mapped = lines("m-r.jsonl")
    assert all("cam" in finding for row in mapped for finding in row["findings"])
    assert without_cam(mapped) == lines("r.jsonl")


@pytest.mark.parametrize(
    ("chosen", "names"),
    [(None, "c"), ("fake", "c"), ("inconclusive", "bc"), ("all", "abc")],
)
def test_the_verdict_says_which_files_have_one(
    chosen: str | None, names: str, scan: Any, whole: Path, folder: Path
) -> None:
    words = [] if chosen is None else ["--heatmaps-for", chosen]
    done = scan(
        "in", *outs(names=("r.jsonl",)), "--model", whole, "--heatmaps", "maps", *words, "--max-errors", "9"
    )
    rows = {Path(row["path"]).name: row for row in lines("r.jsonl")}
    wanted = {f"{name}.png" for name in names} | {"copy.png"}
    assert overlays() == {overlay_name(rows[name]["sha256"], 1) for name in wanted}
    assert len(overlays()) == len(names)
    mapped = {name for name, row in rows.items() for finding in row["findings"] if "cam" in finding}
    assert mapped == wanted
    assert f"heat maps: {len(wanted)} in maps" in done.err
    (cam,) = [finding["cam"] for finding in rows["c.png"]["findings"]]
    assert cam == [[3.5] * 4] * 4 and rows["c.png"]["findings"][0]["logit"] == 3.5


@pytest.mark.slow
def test_each_face_has_its_own_over_its_square(scan: Any, faces: Path, inside: Path) -> None:
    on_grey(1200, 800, ("collins", 300, 50, 300), ("hopper", 500, 500, 150)).save("in/two.png")
    options = ("--model", faces, "--heatmaps", "maps", "--heatmaps-for", "all", "--exit-zero", "-q")
    scan("in", *outs(names=("r.jsonl",)), *options)
    (row,) = lines("r.jsonl")
    assert len(row["findings"]) == 2
    assert overlays() == {overlay_name(row["sha256"], number) for number in (1, 2)}
    for finding in row["findings"]:
        assert np.mean(finding["cam"]) == pytest.approx(finding["logit"], abs=1e-4)
    shown = [Image.open(Path("maps", overlay_name(row["sha256"], n))).convert("RGB") for n in (1, 2)]
    whole_picture = Image.open("in/two.png").convert("RGB")
    for image, finding in zip(shown, row["findings"], strict=True):
        left, top, right, bottom = finding["region"]
        box = (left * 1200, top * 800, right * 1200, bottom * 800)
        crop = np.asarray(whole_picture.crop(tuple(map(round, box))).resize((130, 130)), float)
        seen = np.asarray(image.crop((0, 0, 520, 520)).resize((130, 130)), float)
        assert np.corrcoef(crop.ravel(), seen.ravel())[0, 1] > 0.9


@pytest.mark.slow
def test_what_a_cache_or_a_journal_knows_is_mapped_too(scan: Any, whole: Path, folder: Path) -> None:
    common = ("in", "--model", whole, "--cache", "cache", "--max-errors", "9", "-q")
    for name, maps in (("a.jsonl", "first"), ("b.jsonl", "second")):
        done = scan(*common, *outs(names=(name,)), "--heatmaps", maps)
        assert done.code == 1, done.err
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()
    assert overlays("first") == overlays("second") != set()
    for name in overlays("first"):
        assert Path("first", name).read_bytes() == Path("second", name).read_bytes()


def test_a_file_that_changed_is_said_and_has_null(
    scan: Any, whole: Path, folder: Path, grey: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = heat_maps.HeatMapper._tasks

    def changed(self: Any, decoders: Any, wanted: Any) -> Any:
        grey(folder / "c.png", 250)
        return real(self, decoders, wanted)

    monkeypatch.setattr(heat_maps.HeatMapper, "_tasks", changed)
    done = scan("in/c.png", *outs(names=("r.jsonl",)), "--model", whole, "--heatmaps", "maps")
    assert "no heat map: in/c.png: the file has changed since it was scored" in done.err
    assert "heat maps: 0 in maps; 1 could not be made" in done.err
    assert lines("r.jsonl")[0]["findings"][0]["cam"] is None
    assert overlays() == set()


def test_a_map_of_another_score_is_not_drawn(
    scan: Any, whole: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heat_maps, "SAME_LOGIT", -1.0)
    done = scan("in/c.png", *outs(names=("r.jsonl",)), "--model", whole, "--heatmaps", "maps")
    assert "the model scores it otherwise than before" in done.err and overlays() == set()


def test_a_model_without_them_is_one_sentence_and_nothing_else(scan: Any, folder: Path) -> None:
    done = scan("in", *outs(), "--heatmaps", "maps")
    assert done.code == 2 and "has no output cam" in done.err and "scan-export --add-cam" in done.err
    assert len(done.err.splitlines()) == 1 and not Path("maps").exists() and not Path("r.csv").exists()


def test_the_folder_is_the_scans_own_wherever_it_lies(scan: Any, whole: Path, folder: Path) -> None:
    for _ in range(2):
        done = scan(
            "in", "--out", "r.csv", "--model", whole, "--heatmaps", "in/maps", "--max-errors", "9", "-q"
        )
        assert done.code == 1 and len(overlays("in/maps")) == 1
    assert b"maps" not in Path("r.csv").read_bytes()


@pytest.mark.parametrize(
    ("target", "words"),
    [("in", "holds"), ("in/a.png", "is no folder"), ("no/maps", "does not exist; make it first")],
)
def test_a_folder_that_must_not_be_used(
    target: str, words: str, scan: Any, whole: Path, folder: Path
) -> None:
    before = overlays("in")
    done = scan("in", "--out", "r.csv", "--model", whole, "--heatmaps", target)
    assert done.code == 2 and words in done.err and overlays("in") == before


def test_the_choice_alone_is_bad_usage(scan: Any, whole: Path, folder: Path) -> None:
    done = scan("in", "--out", "r.csv", "--model", whole, "--heatmaps-for", "all")
    assert done.code == 2 and "there is no --heatmaps" in done.err


def test_a_full_disk_ends_the_scan_with_a_sentence(
    scan: Any, whole: Path, folder: Path, make_disk: Callable[[str], Path]
) -> None:
    disk = make_disk("16k")
    (disk / "maps").mkdir()
    done = scan("in", "--out", "r.csv", "--model", whole, "--heatmaps", "disk/maps", "--heatmaps-for", "all")
    assert done.code == 2 and "cannot be written: No space left" in done.err
    assert not Path("r.csv").exists()


def test_a_member_of_an_archive_has_the_map_of_the_file(scan: Any, whole: Path, folder: Path) -> None:
    with zipfile.ZipFile(folder / "box.zip", "w") as box:
        for name in ("a.png", "c.png", "b.png"):
            box.write(folder / name, f"deep/{name}")
    common = ("--archives", "--model", whole, "--max-errors", "9", "-q", "--heatmaps")
    scan("in/c.png", "--out", "one.jsonl", *common, "maps")
    scan("in/box.zip", "--out", "box.jsonl", *common, "inside")
    (fake,) = [row for row in lines("box.jsonl") if row["verdict"] == "fake"]
    assert fake["findings"] == lines("one.jsonl")[0]["findings"] and fake["findings"][0]["cam"] is not None
    (name,) = overlays("inside")
    assert Path("inside", name).read_bytes() == Path("maps", name).read_bytes()

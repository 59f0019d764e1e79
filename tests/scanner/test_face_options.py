"""Which faces ``scan`` judges: --faces, --no-face, --min-face and --max-faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from portraits import on_grey, portrait
from tiny_onnx import FACES

from models.faces.crop import MIN_SIDE
from scanner import Detector, FaceRules, FileResult, Limits, ModelFileError, NoFace, cli, scan_paths
from scanner.engine.serial import SerialEngine
from scanner.media.limits import MAX_FACES, MOST_PICTURES
from scanner.memory import build_header
from scanner.results import Unjudged
from scanner.results.identity import Identity
from scanner.sandbox import launch
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.ring import SLOTS
from scanner.sources import Candidate, MediaKind


@pytest.fixture
def folder(inside: Path) -> Path:
    """A large face beside a middling one, nobody, somebody far away."""
    on_grey(800, 500, ("collins", 150, 20, 200), ("hopper", 400, 350, 50)).save(inside / "two.png")
    Image.new("RGB", (400, 300), (90, 120, 60)).save(inside / "nobody.png")
    on_grey(400, 300, ("hopper", 55, 200, 100)).save(inside / "small.png")
    return inside


def lines(report: str = "r.jsonl") -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in Path(report).read_text(encoding="utf-8").splitlines()]
    return {Path(row["path"]).name: row for row in rows}


def reasons(row: dict[str, Any]) -> list[str]:
    return [face["reason"] for face in row["unscored_faces"]]


@pytest.mark.slow
def test_without_a_face_a_picture_is_scored_as_a_model_of_whole_pictures_would(
    scan: Any, folder: Path, faces_model: Path, model: Path
) -> None:
    """The two models compute the same, and see the same."""
    gradient = Image.radial_gradient("L").resize((1500, 1100)).convert("RGB")
    gradient.save(folder / "large.jpg", quality=80)
    asked = ("--no-face", "whole", "--model", faces_model, "--exit-zero")
    run = scan("in", "--out", "r.jsonl", "--out", "r.csv", *asked)
    scan("in", "--out", "w.jsonl", "--model", model, "--exit-zero")
    rows, whole = lines(), lines("w.jsonl")
    assert run.err.count("note: pictures without a face are scored whole") == 1
    for name in ("nobody.png", "small.png", "large.jpg"):
        row = rows[name]
        assert (row["status"], row["error"], row["faces"]) == ("ok", None, 0)
        assert row["where"] == "0.0000 0.0000 1.0000 1.0000"
        [finding] = row["findings"]
        assert finding["region"] == [0, 0, 1, 1] and "face" not in finding
        assert row["findings"] == whole[name]["findings"] and row["verdict"] == whole[name]["verdict"]
    assert reasons(rows["small.png"]) == ["too_small"] and reasons(rows["nobody.png"]) == []
    assert rows["two.png"]["faces"] == 2 and rows["two.png"]["findings"] != whole["two.png"]["findings"]
    assert json.loads(Path("r.run.json").read_text())["options"]["no_face"] == "whole"


@pytest.mark.slow
def test_faces_below_min_face_have_no_score(scan: Any, folder: Path, faces_model: Path) -> None:
    arguments = ("in", "--model", faces_model, "--exit-zero", "--out")
    scan(*arguments, "r.jsonl")
    large, middling = sorted((one["region"][0] for one in lines()["two.png"]["findings"]), reverse=True)
    run = scan(*arguments, "r.jsonl", "--min-face", 150)
    row = lines()["two.png"]
    assert (row["faces"], [one["region"][0] for one in row["findings"]]) == (1, [large])
    [face] = row["unscored_faces"]
    assert (face["reason"], face["region"][0]) == ("too_small", middling) and 48 < face["side"] < 150
    assert "2 faces have no score (2 too_small)" in run.err
    scan(*arguments, "r.jsonl", "--min-face", 400, "-v")
    row = lines()["two.png"]
    assert (row["error"], row["faces"], reasons(row)) == ("face_too_small", 0, ["too_small"] * 2)
    assert row["detail"].endswith("400 are needed")


@pytest.mark.slow
def test_of_many_faces_the_largest_are_scored_and_the_others_told(
    scan: Any, folder: Path, faces_model: Path
) -> None:
    run = scan(
        "in",
        "--out",
        "r.jsonl",
        "--model",
        faces_model,
        "--exit-zero",
        "--max-faces",
        1,
        "-v",
        "--log-file",
        "log",
    )
    row = lines()["two.png"]
    assert (row["faces"], len(row["findings"]), reasons(row)) == (1, 1, ["beyond_max_faces"])
    [face] = row["unscored_faces"]
    left, _, right, _ = row["findings"][0]["region"]
    assert face["side"] >= MIN_SIDE and (face["region"][2] - face["region"][0]) < right - left
    for said in (run.err, Path("log").read_text()):
        assert "two.png: faces without a score: 1 beyond_max_faces" in said
    manifest = json.loads(Path("r.run.json").read_text())
    assert manifest["counts"]["unscored_faces"] == {"beyond_max_faces": 1, "too_small": 1}
    assert manifest["options"]["limits"]["max_faces"] == 1
    assert scan("--verify", "r.run.json", "--model", faces_model).code == 0


@pytest.mark.parametrize(
    "option",
    [("--faces",), ("--no-face", "skip"), ("--min-face", "64"), ("--max-faces", "9")],
    ids=lambda o: o[0],
)
def test_a_model_of_whole_pictures_is_2_and_one_sentence(
    option: tuple[str, ...], scan: Any, folder: Path, model: Path
) -> None:
    run = scan("in", "--out", "r.csv", "--model", model, "-q", *option)
    (line,) = run.err.splitlines()
    assert run.code == 2 and f"{model} judges whole pictures, for which {option[0]} can do nothing" in line
    assert not Path("r.csv").exists()


def test_a_variable_that_asks_for_faces_is_told(
    scan: Any, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCAN_NO_FACE", "whole")
    run = scan("in", "--out", "r.csv", "--model", model, "-q", "--faces")
    (line,) = run.err.splitlines()
    assert run.code == 2 and "--faces and --no-face can do nothing" in line
    assert line.endswith("(--no-face is set by environment SCAN_NO_FACE)")


def test_faces_is_satisfied_by_a_model_of_faces(scan: Any, folder: Path, faces_model: Path) -> None:
    run = scan("in/nobody.png", "--out", "r.csv", "--model", faces_model, "--faces", "-q")
    assert (run.code, run.err) == (0, "")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--min-face", MIN_SIDE - 1), ("--max-faces", 0), ("--max-faces", MOST_PICTURES + 1)],
)
def test_what_no_model_and_no_decoder_could_do_is_refused(
    option: str, value: int, scan: Any, folder: Path, faces_model: Path
) -> None:
    run = scan("in", "--out", "r.csv", "--model", faces_model, option, value)
    assert run.code == 2 and f"{option}': {value} is not in the range" in run.err


def test_the_command_and_python_have_the_same_bounds_and_defaults() -> None:
    told = {parameter.name: parameter for parameter in cli.scan.params}
    assert told["min_face"].type.min == MIN_SIDE == FaceRules().min_face
    assert told["max_faces"].type.max == MOST_PICTURES and Limits().max_faces == MAX_FACES
    assert f"[default: {MIN_SIDE}]" in told["min_face"].help and f"{MAX_FACES}]" in told["max_faces"].help
    assert list(told["no_face"].type.choices) == list(NoFace)
    with pytest.raises(ValueError, match="below 48 pixels"):
        FaceRules(min_face=MIN_SIDE - 1)
    for number in (0, MOST_PICTURES + 1):
        with pytest.raises(ValueError, match=f"max_faces is {number}"):
            Limits(max_faces=number)


@pytest.mark.slow
def test_python_says_which_faces_too(folder: Path, faces_model: Path, detector: Detector) -> None:
    judging = Detector.load(faces_model, "cpu").judging(FaceRules(150, NoFace.WHOLE))
    found = list(scan_paths([folder], judging, limits=Limits(max_faces=1)))
    assert [(Path(one.path).name, one.faces) for one in found] == [
        ("nobody.png", 0), ("small.png", 0), ("two.png", 1),
    ]  # fmt: skip
    assert all(one.prob_fake is not None for one in found)
    with pytest.raises(ModelFileError, match="judges whole pictures"):
        detector.judging(FaceRules())


@pytest.mark.slow
def test_a_page_shows_a_picture_that_was_scored_whole(scan: Any, folder: Path, faces_model: Path) -> None:
    scan("in", "--out", "r.html", "--model", faces_model, "--exit-zero", "--no-face", "whole")
    assert Path("r.html").read_text(encoding="utf-8").count("data:image/jpeg;base64,") == 4


def test_results_depend_on_which_faces_are_judged(faces_model: Path, detector: Detector) -> None:
    faces = Detector.load(faces_model, "cpu")
    asked = [faces, faces.judging(FaceRules(49)), faces.judging(FaceRules(no_face=NoFace.WHOLE))]
    assert len({Identity.of(one.facts).key() for one in asked}) == 3
    headers = [build_header(one.facts, Limits(), {})["faces"] for one in asked]
    assert (
        headers[1] == {"min_face": 49, "no_face": "skip"} and len({json.dumps(one) for one in headers}) == 3
    )
    assert Identity.of(detector.facts).faces is None


@pytest.mark.slow
def test_the_cache_gives_no_result_for_other_faces(scan: Any, folder: Path, faces_model: Path) -> None:
    def cached(*options: object) -> int:
        scan(
            "in",
            "--model",
            faces_model,
            "--exit-zero",
            "--cache",
            "c",
            "--rehash",
            "--out",
            "r.jsonl",
            *options,
        )
        return int(json.loads(Path("r.run.json").read_text())["counts"]["cached"])

    for name in ("nobody.png", "small.png"):
        (folder / name).unlink()
    assert cached() == 0 and cached() == 1 and cached("--max-faces", 2) == 1
    assert cached("--min-face", 150) == 0 and cached("--no-face", "whole") == 0
    assert cached("--max-faces", 1) == 0 and cached("--max-faces", 1) == 1
    assert lines()["two.png"]["faces"] == 1
    assert cached("--max-faces", 2) == 0 and lines()["two.png"]["faces"] == 2


def crowd(path: Path, count: int, side: int = 110, columns: int = 10) -> Path:
    """So many people, in rows."""
    picture = Image.new("RGB", (columns * side, -(-count // columns) * side), (128, 128, 128))
    face = portrait("hopper", side)
    for number in range(count):
        picture.paste(face, (number % columns * side, number // columns * side))
    picture.save(path)
    return path


def scanned(paths: list[Path], detector: Detector, limits: Limits, workers: int) -> list[FileResult]:
    return [replace(one, stamp=None) for one in scan_paths(paths, detector, limits=limits, workers=workers)]


@pytest.mark.slow
def test_a_picture_with_more_faces_than_a_ring_holds(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    detector = Detector.load(make_model(FACES, size=32), "cpu")
    paths = [crowd(tmp_path / f"{name}.png", SLOTS + 18) for name in "ab"]
    found = scanned(paths, detector, Limits(), workers=1)
    assert [(one.faces, len(one.findings), one.unscored_faces) for one in found] == [(50, 50, ())] * 2
    items = [Candidate(str(path), str(path), MediaKind.IMAGE, explicit=True) for path in paths]
    serial = [replace(one, stamp=None) for one in SerialEngine(detector).results(items)]
    assert serial == found


THOUSANDS = """
from models.faces.face import Face
from models.preprocessing import v2
class Many:
    def detect(self, rgb):
        point = (0.0, 0.0)
        return [Face(n % 60 * 10.0, n // 60 * 10.0, 50.0, 50.0, 0.9, (point,) * 5) for n in range(1000)]
v2._detector = Many
"""


@pytest.mark.slow
def test_thousands_of_faces_cost_no_more_memory_than_the_window(
    tmp_path: Path, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "PROGRAM", launch.PROGRAM.replace("serve(**", THOUSANDS + "serve(**"))
    detector = Detector.load(make_model(FACES, size=8), "cpu")
    paths = []
    for number in range(24):
        paths.append(tmp_path / f"{number:02}.png")
        Image.new("RGB", (640, 560)).save(paths[-1])
    waiting: list[int] = []
    reply = DecodePool._on_reply

    def watched(pool: DecodePool, decoder: Any) -> None:
        reply(pool, decoder)
        waiting.append(pool._pictures)

    monkeypatch.setattr(DecodePool, "_on_reply", watched)
    most = 100
    found = scanned(paths, detector, Limits(max_faces=most), workers=2)
    assert len(found) == 24
    for one in found:
        assert (one.faces, len(one.findings), len(one.unscored_faces)) == (most, most, 1000 - most)
        assert {face.reason for face in one.unscored_faces} == {Unjudged.BEYOND_MAX_FACES}
    # Two decoders: 5 chunks of 16 pictures, what both rings hold, and the file that the order waits for.
    assert max(waiting) <= 5 * 16 + 2 * SLOTS + most

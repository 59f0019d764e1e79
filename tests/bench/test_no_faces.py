"""Pictures without a face: made by rule, scanned, counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from portraits import on_grey

from bench.no_faces.__main__ import main
from bench.no_faces.pictures import KINDS, made

SLOW = ("plot", "cells", "lights")
NUMBERS = [
    pytest.param(number, id=kind, marks=pytest.mark.slow if kind in SLOW else ())
    for number, kind in enumerate(KINDS)
]


@pytest.mark.parametrize("number", NUMBERS)
def test_each_kind_repeats_itself_and_shows_something(number: int) -> None:
    kind, picture = made(number, seed=1)
    assert kind == list(KINDS)[number]
    assert picture.mode == "RGB" and all(200 <= side <= 1600 for side in picture.size)
    assert any(low < high for low, high in picture.getextrema())
    assert made(number, seed=1)[1].tobytes() == picture.tobytes() != made(number, seed=2)[1].tobytes()


def test_a_folders_faces_are_named_with_the_detectors_score(face_model: Path, tmp_path: Path) -> None:
    on_grey(300, 300, ("hopper", 200, 50, 50)).save(tmp_path / "face.png")
    for name in "abc":
        on_grey(120, 90).save(tmp_path / f"{name}.png")
    done = CliRunner().invoke(main, [str(face_model), str(tmp_path), "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(
        "With a score: 1 of 4, 25.0 % [0.6, 80.6]; at most 2 % is the floor: MISSED.\n"
    )
    assert "Without: no_face 3." in done.output
    assert "| face.png | 0.9" in done.output.splitlines()[-1]


@pytest.mark.slow
def test_what_is_made_is_counted_by_kind_and_may_be_kept(face_model: Path, tmp_path: Path) -> None:
    words = [str(face_model), "--pictures", "14", "--keep", str(tmp_path / "made"), "--workers", "1"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0 and "of 14," in done.output
    assert len(list((tmp_path / "made").iterdir())) == 14
    counts = [line.split("|")[1:3] for line in done.output.splitlines() if line.count("|") == 4]
    by_kind = {kind.strip(): number.strip() for kind, number in counts if kind.strip() in KINDS}
    assert by_kind == {kind: "2" if place < 2 else "1" for place, kind in enumerate(KINDS)}


def test_a_model_of_whole_pictures_is_refused(whole_model: Path) -> None:
    done = CliRunner().invoke(main, [str(whole_model)])
    assert done.exit_code == 1 and "judges whole pictures" in done.output

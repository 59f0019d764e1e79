"""Groups of faces: what is put together, what is counted, and what is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image, ImageEnhance
from portraits import on_grey

from bench.group_pictures import main, side_by_side
from bench.rates import as_rate
from train.evaluation.exact import clopper_pearson


def test_pictures_lie_side_by_side_at_their_own_scale() -> None:
    pictures = [
        Image.new("RGB", size, (number, 0, 0))
        for number, size in enumerate([(30, 40), (50, 20), (10, 10)], start=1)
    ]
    canvas = side_by_side(pictures)
    assert canvas.size == (80, 50)
    corners = [(0, 0), (29, 39), (30, 0), (79, 19), (0, 40), (9, 49)]
    assert [canvas.getpixel(corner)[0] for corner in corners] == [1, 1, 2, 2, 3, 3]
    assert canvas.getpixel((79, 49)) == (128, 128, 128)


def test_the_interval_is_the_exact_one() -> None:
    # Clopper and Pearson's for 0 of 10: 1 - 0.025 ** (1 / 10).
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1))
    assert as_rate(1, 20) == "1 of 20, 5.0 % [0.1, 24.9]"
    assert as_rate(0, 0) == "–"


def tree(folder: Path, brightness: tuple[float, ...]) -> Path:
    """A real portrait of each brightness, and a picture with two faces, which is no portrait."""
    data = folder / "faces"
    for label in ("Real", "Fake"):
        (data / "validation" / label).mkdir(parents=True)
    portrait = on_grey(260, 260, ("hopper", 180, 40, 40))
    for number, factor in enumerate(brightness):
        ImageEnhance.Brightness(portrait).enhance(factor).save(data / "validation" / "Real" / f"{number}.png")
    two = on_grey(500, 260, ("hopper", 180, 40, 40), ("collins", 180, 280, 40))
    two.save(data / "validation" / "Real" / "two.png")
    portrait.save(data / "validation" / "Fake" / "0.png")
    return data


@pytest.mark.slow
def test_groups_are_scanned_and_counted(face_model: Path, tmp_path: Path) -> None:
    # Of three portraits one is flagged, so a group of three always is, and of three pairs two are.
    data = tree(tmp_path, (0.6, 0.7, 1.9))
    words = [str(face_model), str(data), "--largest", "3", "--pictures", "8", "--workers", "1"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.output.splitlines()[4:]]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[1] for row in rows] == ["1", "0", "0"]
    assert rows[0][2].startswith("1 of 3, 33.3 %") and rows[2][2].startswith("8 of 8, 100.0 %")
    assert rows[2][4].startswith("8 of 24, 33.3 %")
    flagged = int(re.match(r"\d+", rows[1][2])[0])  # type: ignore[index]
    assert 0 < flagged <= 8 and rows[1][4].startswith(f"{flagged} of 16")
    again = CliRunner().invoke(main, words, catch_exceptions=False)
    assert again.output == done.output


def test_a_model_of_whole_pictures_has_no_faces_to_count(whole_model: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(whole_model), str(tree(tmp_path, (1.0,)))])
    assert done.exit_code == 1 and "judges whole pictures" in done.output

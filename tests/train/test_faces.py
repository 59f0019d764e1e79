from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.contract import Label
from models.faces.crop import MIN_SIDE
from models.support.errors import OutputError
from train.datasets.faces import MARGIN_FACTORS, SHIFT, FaceList, law_crop, training_crop
from train.datasets.tree import LabelledImage

PORTRAIT = Path(__file__).parents[2] / "samples" / "real"


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    return Image.open(sorted(PORTRAIT.iterdir())[0]).convert("RGB")


def image(face: tuple[float, float, float, float] | None = None) -> LabelledImage:
    return LabelledImage(Path("x.jpg"), "x.jpg", Label.REAL, face=face)


def test_a_face_is_found_once_and_then_known(portrait: Image.Image, tmp_path: Path) -> None:
    faces, blank = FaceList(), Image.new("RGB", portrait.size)
    box = faces.box(image(), "aa", portrait)
    assert box is not None and max(box[2:]) >= MIN_SIDE
    assert faces.box(image(), "bb", blank) is None
    faces.write(tmp_path / "list.csv")
    again = FaceList(tmp_path / "list.csv")
    assert again.box(image(), "aa", blank) == pytest.approx(box, abs=0.051)
    assert again.box(image(), "bb", portrait) is None, "that there is none is known, too"


def test_the_manifests_box_goes_first(portrait: Image.Image) -> None:
    assert FaceList().box(image((1.0, 2.0, 60.0, 70.0)), "aa", portrait) == (1.0, 2.0, 60.0, 70.0)


def test_small_faces_are_none(portrait: Image.Image) -> None:
    box = FaceList().box(image(), "aa", portrait)
    assert box is not None
    factor = 0.8 * MIN_SIDE / max(box[2:])
    small = portrait.resize((round(portrait.width * factor), round(portrait.height * factor)))
    assert FaceList().box(image(), "bb", small) is None


@pytest.mark.parametrize("text", ["", "sha256\nx\n", "sha256,face_x,face_y,face_w,face_h\naa,1,2,x,4\n"])
def test_a_damaged_list_is_made_again(text: str, tmp_path: Path, portrait: Image.Image) -> None:
    (tmp_path / "list.csv").write_text(text)
    assert FaceList(tmp_path / "list.csv").box(image(), "aa", portrait) is not None


def test_a_list_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"list\.csv cannot be written"):
        FaceList().write(tmp_path / "gone" / "list.csv")


def test_another_detector_has_another_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = FaceList.beside(tmp_path / "run", "faces")
    assert mine.parent == tmp_path and mine.name.startswith("faces.faces-")


def grid() -> Image.Image:
    """Each pixel's colours are its place, so that a crop says where it was cut."""
    rows, columns = np.indices((200, 200), dtype=np.uint8)
    return Image.fromarray(np.stack([columns, rows, rows * 0], axis=-1))


def test_training_cuts_around_the_law(portrait: Image.Image) -> None:
    face = (80.0, 70.0, 40.0, 50.0)
    law = law_crop(grid(), face, 1.2)
    assert law.size == (60, 60) and law.getpixel((0, 0))[:2] == (70, 65)  # type: ignore[index]
    sides, shifts = [], []
    for seed in range(300):
        cut = training_crop(grid(), face, 1.2, np.random.default_rng(seed))
        left, top = cut.getpixel((0, 0))[:2]  # type: ignore[index]
        sides.append(cut.width / 60)
        shifts += [(left + cut.width / 2 - 100) / cut.width, (top + cut.height / 2 - 95) / cut.height]
    assert MARGIN_FACTORS[0] - 0.03 < min(sides) < 0.85 and 1.2 < max(sides) < MARGIN_FACTORS[1] + 0.03
    assert -SHIFT - 0.03 < min(shifts) < -0.8 * SHIFT and 0.8 * SHIFT < max(shifts) < SHIFT + 0.03


def test_without_a_margin_the_whole_picture_is_judged() -> None:
    whole, rng = grid(), np.random.default_rng(0)
    before = rng.bit_generator.state
    assert law_crop(whole, (1.0, 1.0, 9.0, 9.0), None) is whole
    assert training_crop(whole, (1.0, 1.0, 9.0, 9.0), None, rng) is whole
    assert rng.bit_generator.state == before, "older recipes draw the same numbers as ever"

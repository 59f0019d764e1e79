from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from models.contract import Label
from train.datasets.faces import FaceList
from train.datasets.precheck import NO_FACE, Checked, Inspection, check
from train.datasets.tree import LabelledImage


@pytest.fixture
def images(tmp_path: Path) -> list[LabelledImage]:
    made = []
    for number in range(12):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
        made.append(LabelledImage(path, path.name, Label.REAL))
    made[3].path.write_bytes(b"")
    made[5].path.write_bytes(made[5].path.read_bytes()[:50])
    made[7].path.unlink()
    made[9].path.write_text("text")
    return made


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_what_cannot_be_read_is_told_with_its_own_reason(workers: int, images: list[LabelledImage]) -> None:
    told: list[int] = []
    checked = check(images, Inspection(), workers=workers, done=told.append)
    assert [image.path.stem for image in checked.good] == ["0", "1", "2", "4", "6", "8", "10", "11"]
    assert [(image.path.stem, reason.partition(":")[0]) for image, reason in checked.bad] == [
        ("3", "empty_file"),
        ("5", "corrupt_image"),
        ("7", "FileNotFoundError"),
        ("9", "not_an_image"),
    ]
    assert sum(told) == 12
    assert checked.prints.keys() == {image.relative for image in checked.good}


def test_reasons_hold_no_path(images: list[LabelledImage]) -> None:
    for image in images:
        found = Inspection()(image)
        assert not isinstance(found, str) or str(image.path.parent) not in found


def test_no_images_are_no_trouble() -> None:
    assert check([], Inspection(), workers=2, done=lambda n: None) == Checked()


def test_a_look_at_an_image_measures_what_will_be_judged(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    picture = Image.new("RGB", (80, 60), "grey")
    picture.paste(Image.effect_noise((20, 20), 90).convert("RGB"), (0, 0))
    picture.save(path)
    image = LabelledImage(path, "one.png", Label.REAL, face=(2.04, 2.0, 16.0, 12.0))
    whole = check([image], Inspection(), workers=1, done=lambda n: None).good[0]
    face = check([image], Inspection(faces=FaceList(), margin=1.0), workers=1, done=lambda n: None).good[0]
    assert whole.face is None and face.face == (2.0, 2.0, 16.0, 12.0)
    assert whole.look is not None and face.look is not None
    assert 2**whole.look.size == pytest.approx(60, abs=0.01) and 2**face.look.size == pytest.approx(17, abs=1)
    assert face.look.sharpness > whole.look.sharpness, "the noise fills the face"
    assert face.look.compression == whole.look.compression


def test_an_image_without_a_face_is_left_out_with_that_reason(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("RGB", (80, 60), "grey").save(path)
    image = LabelledImage(path, "grey.png", Label.REAL)
    checked = check([image], Inspection(faces=FaceList(), margin=1.2), workers=2, done=lambda n: None)
    assert (checked.good, checked.bad, checked.prints) == ([], [(image, NO_FACE)], {})

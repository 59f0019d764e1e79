from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from models.contract import Label
from train.data import LabelledImage
from train.precheck import Checked, check, look


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
    checked = check(images, workers=workers, done=told.append)
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
        assert str(image.path.parent) not in str(look(image))


def test_no_images_are_no_trouble() -> None:
    assert check([], workers=2, done=lambda n: None) == Checked()

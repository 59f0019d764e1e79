"""Pictures that a list alone labels, as a review's list does."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path

import pytest
from PIL import Image

from models.contract import Label
from models.support.errors import DataError
from train.datasets.files import LeftOut
from train.datasets.listed import is_tree, survey_listed


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "pics"
    (folder / "below").mkdir(parents=True)
    for number, name in enumerate(("a.png", "below/b.png", "c.png")):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / name)
    return folder


def listing(folder: Path, *rows: tuple[str | bytes, ...]) -> Path:
    path = folder / "labels.csv"
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("path", "label", "source", "group", "sha256"))
        for row in rows:
            writer.writerow([os.fsdecode(cell) for cell in row])
    return path


def test_files_are_named_from_the_folder_or_with_its_name(data: Path, tmp_path: Path) -> None:
    rows = [("a.png", "Fake", "s", "g", ""), ("pics/below/b.png", "real"), (str(data / "c.png"), "Real")]
    survey = survey_listed(data, listing(tmp_path, *rows))
    assert [(image.path.relative_to(data).as_posix(), image.label) for image in survey.images] == [
        ("c.png", Label.REAL),
        ("a.png", Label.FAKE),
        ("below/b.png", Label.REAL),
    ]
    a = survey.images[1]
    assert (a.source, a.group, a.sha256) == ("s", "g", None)
    assert survey.join is not None and (survey.join.rows, survey.join.rows_without_file) == (3, 0)


def test_a_file_that_is_not_what_was_labelled_is_left_out(data: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256((data / "a.png").read_bytes()).hexdigest()
    rows = [("a.png", "Fake", "", "", digest), ("c.png", "Real"), ("below/b.png", "Real", "", "", "aa" * 32)]
    survey = survey_listed(data, listing(tmp_path, *rows))
    assert [image.relative for image in survey.images] == ["a.png", "c.png"]
    assert survey.left_out == [("below/b.png", LeftOut.CHANGED)]


def test_rows_without_a_file_are_counted(data: Path, tmp_path: Path) -> None:
    survey = survey_listed(
        data, listing(tmp_path, ("a.png", "Fake"), ("c.png", "Real"), ("outer.zip!/x.png", "Real"))
    )
    assert survey.join is not None and survey.join.rows_without_file == 1
    assert any("1 of 3 rows of the labels match no file" in line for line in survey.join.remarks("listed"))


def test_names_that_are_no_text_are_found(data: Path, tmp_path: Path) -> None:
    name = b"odd\xff\n.png"
    os.rename(data / "a.png", os.path.join(os.fsencode(data), name))  # noqa: PTH104, PTH118
    survey = survey_listed(data, listing(tmp_path, (name, "Fake"), ("c.png", "Real")))
    assert {os.fsencode(image.path.name) for image in survey.images} == {name, b"c.png"}


def test_one_file_by_two_names_is_one_picture(data: Path, tmp_path: Path) -> None:
    rows = [("a.png", "Fake"), ("./a.png", "Fake"), ("c.png", "Real")]
    assert len(survey_listed(data, listing(tmp_path, *rows)).images) == 2
    with pytest.raises(DataError, match="two different things about"):
        survey_listed(data, listing(tmp_path, *rows, ("pics/a.png", "Real")))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "has no row"),
        ([("x.png", "Fake")], "names a file"),
        ([("a.png", "Fake")], "labels no picture Real"),
        ([("a.png", "maybe"), ("c.png", "Real")], "'maybe' is not a label"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    rows: list[tuple[str, ...]], words: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=words):
        survey_listed(data, listing(tmp_path, *rows))


def test_a_tree_is_known_by_its_split(data: Path) -> None:
    assert not is_tree(data, "validation")
    (data / "Validation").mkdir()
    assert is_tree(data, "validation")

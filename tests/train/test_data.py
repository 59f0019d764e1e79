from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import Label
from models.support.errors import DataError
from train.datasets.tree import (
    LabelledImage,
    Role,
    count_by_class,
    divide,
    find_manifest,
    only_sources,
    read_tree,
    survey_tree,
)


def make(data: Path, *files: str) -> Path:
    for name in files:
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return data


def refusal(data: Path, split: str = "train", **options: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_tree(data, split, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Layout


@pytest.mark.parametrize(("split", "real", "fake"), [("train", "Real", "Fake"), ("TRAIN", "REAL", "fake")])
def test_the_layout_is_read_in_any_case(split: str, real: str, fake: str, tmp_path: Path) -> None:
    make(tmp_path, f"{split}/{real}/a.JPG", f"{split}/{real}/deep/er/b.png", f"{split}/{fake}/c.webp")
    images = read_tree(tmp_path, "train")
    assert {(i.relative, i.label) for i in images} == {
        (f"{split}/{real}/a.JPG", Label.REAL),
        (f"{split}/{real}/deep/er/b.png", Label.REAL),
        (f"{split}/{fake}/c.webp", Label.FAKE),
    }
    assert all(image.path.is_file() for image in images)


def test_labels_are_names_not_places_in_an_order(tmp_path: Path) -> None:
    make(tmp_path, "train/Real/a.png", "train/fake/b.png", "train/Aardvark/c.png", "train/zebra/d.png")
    assert {i.path.name: i.label for i in read_tree(tmp_path, "train")} == {
        "a.png": Label.REAL,
        "b.png": Label.FAKE,
    }


def test_images_come_in_byte_order_of_their_paths(tmp_path: Path) -> None:
    make(
        tmp_path,
        "train/Real/é.png",
        "train/Real/z.png",
        "train/Real/B.png",
        "train/Fake/a.png",
        "train/Real/b/c.png",
    )
    names = [image.relative for image in read_tree(tmp_path, "train")]
    assert names == sorted(names, key=str.encode)
    assert names[0] == "train/Fake/a.png" and names[-1] == "train/Real/é.png"


def test_hidden_files_are_images_and_other_kinds_are_not(tmp_path: Path) -> None:
    make(tmp_path, "train/Real/a.png", "train/Real/.b.png", "train/Real/.c/d.png", "train/Real/notes.txt")
    make(tmp_path, "train/Fake/e.gif")
    assert [i.path.name for i in read_tree(tmp_path, "train")] == ["e.gif", ".b.png", "d.png", "a.png"]
    assert survey_tree(tmp_path, "train").left_out == [("train/Real/notes.txt", "no picture")]


def test_only_the_split_that_was_asked_for_is_read(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        make(tmp_path, f"{split}/Real/{split}.png", f"{split}/Fake/{split}.png")
    for split in ("train", "validation", "test"):
        assert {image.path.stem for image in read_tree(tmp_path, split)} == {split}


def test_a_wrong_layout_is_refused(tmp_path: Path) -> None:
    assert "is not a folder" in refusal(tmp_path / "none")
    make(tmp_path, "train/Real/a.png", "train/notes.txt")
    assert "has no folder 'validation'" in refusal(tmp_path, "validation")
    assert "no image of class Fake" in refusal(tmp_path)
    make(tmp_path, "train/Fake/notes.txt")
    assert "no image of class Fake" in refusal(tmp_path)
    make(tmp_path, "train/Fake/b.png", "train/REAL/c.png")
    message = refusal(tmp_path)
    assert "REAL" in message and "Real" in message and "rename" in message
    make(tmp_path, "Train/Real/d.png")
    assert "Train and train" in refusal(tmp_path)


# Manifest


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return make(tmp_path / "faces", "train/Real/a.png", "train/Fake/b.png")


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def test_a_manifest_adds_source_group_and_hash(small: Path) -> None:
    write(
        small / "manifest.csv",
        "path,split,label,source,group,sha256",
        "train/Real/a.png,train,REAL,camera,g1,abc",
        "train/Fake/b.png,train,fake,,,",
        "train/Fake/gone.png,train,Fake,x,y,z",
    )
    fake, real = read_tree(small, "train")
    assert (real.source, real.group, real.sha256) == ("camera", "g1", "abc")
    assert (fake.source, fake.group, fake.sha256) == (None, None, None)


def test_an_image_without_a_row_stays(small: Path) -> None:
    write(small / "manifest.csv", "path,label,group", "train/Real/a.png,Real,g")
    assert [image.group for image in read_tree(small, "train")] == [None, "g"]


def test_manifests_are_found_in_the_tree_and_beside_it(small: Path) -> None:
    assert find_manifest(small) is None
    beside = write(small.parent / "faces.manifest.csv", "path,label,group", "train/Real/a.png,Real,beside")
    assert find_manifest(small) == beside
    inside = write(small / "manifest.csv", "path,label,group", "train/Real/a.png,Real,inside")
    assert find_manifest(small) == inside
    assert read_tree(small, "train")[1].group == "inside"
    assert read_tree(small, "train", manifest=beside)[1].group == "beside"


def test_a_spreadsheets_byte_order_mark_is_no_part_of_a_name(small: Path) -> None:
    write(small / "manifest.csv", "path,label,group", "train/Real/a.png,Real,g", encoding="utf-8-sig")
    assert read_tree(small, "train")[1].group == "g"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["path,label", "train/Real/a.png,Fake"], "its folder says Real"),
        (["path,label", "train/Real/a.png"], "its folder says Real"),
        (["path,label,split", "train/Real/a.png,Real,validation"], "its folder says train"),
        (["path,group", "train/Real/a.png,g"], "no column label"),
        (["label,path,group", "Real,train/Real/a.png,g", "Real,train/Real/a.png,h"], "two different things"),
        ([""], "no column"),
    ],
)
def test_a_manifest_that_contradicts_is_refused(lines: list[str], named: str, small: Path) -> None:
    file = write(small / "manifest.csv", *lines)
    message = refusal(small)
    assert named in message and str(file) in message


def test_a_manifest_that_is_not_there_is_refused(small: Path) -> None:
    assert "none.csv cannot be read" in refusal(small, manifest=small / "none.csv")


# Roles


def grouped(group: str, number: int = 0, label: Label = Label.REAL) -> LabelledImage:
    return LabelledImage(Path("none"), f"train/{group}/{number}.png", label, group=group)


groups = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=40)


def role_of(divided: dict[Role, list[LabelledImage]]) -> dict[str, set[Role]]:
    found: dict[str, set[Role]] = {}
    for role, images in divided.items():
        for image in images:
            assert image.group is not None
            found.setdefault(image.group, set()).add(role)
    return found


@given(groups, groups)
def test_groups_never_straddle_roles_and_adding_images_moves_none(first: list[str], more: list[str]) -> None:
    images = [grouped(group, number) for number, group in enumerate(first)]
    alone = divide(images)
    assert sum(len(part) for part in alone.values()) == len(images)
    together = divide([*images, *(grouped(group, 1000 + number) for number, group in enumerate(more))])
    assert all(len(roles) == 1 for roles in role_of(together).values())
    before = role_of(alone)
    assert {group: role_of(together)[group] for group in before} == before
    assert divide(reversed(images)) == {role: part[::-1] for role, part in alone.items()}


def test_the_division_is_by_the_sha256_of_the_group(group_names: Callable[[Role], Iterator[str]]) -> None:
    for role in (Role.FIT, Role.SELECT, Role.CALIBRATE):
        names = [name for name, _ in zip(group_names(role), range(20), strict=False)]
        divided = divide(grouped(name) for name in names)
        assert [image.group for image in divided[role]] == names


@pytest.mark.slow
def test_the_division_is_90_5_5() -> None:
    divided = divide(grouped(f"person {number}") for number in range(20_000))
    shares = {role: len(images) / 20_000 for role, images in divided.items()}
    assert shares == {
        Role.FIT: pytest.approx(0.90, abs=0.01),
        Role.SELECT: pytest.approx(0.05, abs=0.01),
        Role.CALIBRATE: pytest.approx(0.05, abs=0.01),
    }
    assert Role.REPORT not in divided


def test_copies_without_a_group_stay_together_by_their_bytes(tmp_path: Path) -> None:
    files = [make(tmp_path, f"{n}.png") / f"{n}.png" for n in range(60)]
    for n, file in enumerate(files):
        file.write_bytes(b"picture %d" % (n // 2))
    divided = divide(LabelledImage(file, file.name, Label.FAKE) for file in files)
    assert divided[Role.SELECT] or divided[Role.CALIBRATE]
    for images in divided.values():
        numbers = sorted(int(image.path.stem) for image in images)
        assert numbers == sorted(n for pair in {k // 2 for k in numbers} for n in (2 * pair, 2 * pair + 1))


def test_an_image_that_cannot_be_read_stops_no_division(tmp_path: Path) -> None:
    make(tmp_path, "train/Real/a.png", "train/Fake/b.png")
    (tmp_path / "train/Fake/gone.png").symlink_to("nowhere")
    images = read_tree(tmp_path, "train")
    assert len(images) == 3 and sum(len(part) for part in divide(images).values()) == 3


def test_a_manifests_hash_spares_reading_the_file(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"picture").hexdigest()
    (tmp_path / "a.png").write_bytes(b"picture")
    read = divide([LabelledImage(tmp_path / "a.png", "a.png", Label.REAL)])
    told = divide([LabelledImage(tmp_path / "gone.png", "a.png", Label.REAL, sha256=digest)])
    assert {role for role, images in read.items() if images} == {
        role for role, images in told.items() if images
    }


# Sources


def test_sources_are_chosen_by_name() -> None:
    images = [LabelledImage(Path(s or "-"), s or "-", Label.REAL, source=s) for s in ("a", "b", None, "a")]
    assert [image.source for image in only_sources(images, ["a"])] == ["a", "a"]
    with pytest.raises(DataError, match="no image is of source c; sources here: a, b"):
        only_sources(images, ["a", "c"])
    with pytest.raises(DataError, match="no manifest names any"):
        only_sources(images[2:3], ["a"])


def test_classes_are_counted_by_name() -> None:
    images = [grouped("a", label=label) for label in (Label.FAKE, Label.REAL, Label.FAKE)]
    assert count_by_class(images) == {"Real": 1, "Fake": 2}
    assert count_by_class([]) == {"Real": 0, "Fake": 0}

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import Label
from models.support.errors import DataError
from train.datasets.manifests import Join, join
from train.datasets.tree import LabelledImage, divide

FILES = [
    f"{split}/{label}/{n}.png"
    for split in ("train", "validation")
    for label in ("Real", "Fake")
    for n in range(3)
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "faces" / name).touch()
    return tmp_path / "faces"


def groups_by(
    data: Path, paths: list[str], *, files: list[str] = FILES, split: str = "train"
) -> tuple[dict[str, str], Join]:
    """Group ``gN`` for the Nth path."""
    manifest = data.parent / "labels.csv"
    lines = [f'"{path}",Real,g{number}' for number, path in enumerate(paths)]
    manifest.write_text("\n".join(["path,label,group", *lines]) + "\n", "utf-8", "surrogateescape")
    images = [name for name in files if name.startswith(split)]
    rows, joined = join(manifest, data, split, images, files)
    return {name: row["group"] for name, row in rows.items()}, joined


SPELLINGS: dict[str, Callable[[str, Path], str]] = {
    "as it is": lambda name, data: name,
    "backslashes": lambda name, data: name.replace("/", "\\"),
    "dot": lambda name, data: f"./{name}",
    "dot and backslashes": lambda name, data: ".\\" + name.replace("/", "\\"),
    "slashes": lambda name, data: name.replace("/", "//"),
    "there and back": lambda name, data: f"x/../{name}",
    "folder": lambda name, data: f"faces/{name}",
    "folder and backslashes": lambda name, data: ".\\faces\\" + name.replace("/", "\\"),
    "folders": lambda name, data: f"../sets/faces/{name}",
    "absolute": lambda name, data: f"{data.resolve()}/{name}",
    "of another machine": lambda name, data: f"D:\\sets\\faces\\{name}".replace("/", "\\"),
    "case": lambda name, data: name.upper(),
    "folder in another case": lambda name, data: f"Faces/{name}",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_path_is_understood_however_it_is_written(spelling: Callable[[str, Path], str], data: Path) -> None:
    found, joined = groups_by(data, [spelling(name, data) for name in FILES])
    assert found == {name: f"g{number}" for number, name in enumerate(FILES)}
    assert (joined.rows_without_file, joined.files_without_row) == (0, 0)


def test_a_tree_reached_by_a_link_has_both_names(data: Path) -> None:
    link = data.parent / "link"
    link.symlink_to(data)
    for front in ("faces", "link", str(link), str(data)):
        assert len(groups_by(link, [f"{front}/{name}" for name in FILES])[0]) == len(FILES)


def test_unicode_forms_are_one_name_unless_the_tree_has_both(data: Path) -> None:
    composed, apart = (f"train/Real/{unicodedata.normalize(form, 'é')}.png" for form in ("NFC", "NFD"))
    assert groups_by(data, [composed], files=[apart])[0] == {apart: "g0"}
    assert groups_by(data, [apart], files=[composed])[0] == {composed: "g0"}
    assert groups_by(data, [apart, composed], files=[composed, apart])[0] == {apart: "g0", composed: "g1"}


def test_case_is_no_matter_unless_the_tree_has_both(data: Path) -> None:
    files = ["train/Real/a.png", "train/Real/A.png", "train/Real/b.png"]
    found, joined = groups_by(data, ["train/Real/B.png", "TRAIN/real/a.PNG"], files=files)
    assert found == {"train/Real/b.png": "g0"}
    assert (joined.rows_without_file, joined.files_without_row) == (1, 2)
    # The file has its row already; the other one is of a file that is not there.
    found, joined = groups_by(data, ["train/Real/B.png", "train/Real/b.png"], files=files)
    assert found == {"train/Real/b.png": "g1"} and joined.rows_without_file == 1


def test_a_backslash_in_a_name_stays_one(data: Path) -> None:
    files = ["train/Real/a\\b.png", "train/Real/a/b.png"]
    assert groups_by(data, ["train/Real/a\\b.png", "./train/Real/a/b.png"], files=files)[0] == {
        files[0]: "g0",
        files[1]: "g1",
    }


def test_an_absolute_path_into_another_tree_of_the_name_is_none_of_ours(data: Path) -> None:
    other = data.parent / "other" / "faces" / FILES[0]
    other.parent.mkdir(parents=True)
    other.touch()
    found, joined = groups_by(data, [str(other), FILES[1]])
    assert found == {FILES[1]: "g1"} and joined.rows_without_file == 1


def test_rows_of_one_file_that_differ_are_refused(data: Path) -> None:
    with pytest.raises(DataError, match=r"two different things about train/Real/0\.png") as caught:
        groups_by(data, [FILES[0], "./" + FILES[0].replace("/", "\\")])
    assert "0.png' and '" in str(caught.value)


def test_nothing_matched_is_refused_with_both_spellings(data: Path) -> None:
    with pytest.raises(DataError) as caught:
        groups_by(data, [f"elsewhere/{name}" for name in FILES])
    message = str(caught.value)
    assert (
        "'elsewhere/train/Real/0.png'" in message and "'train/Real/0.png'" in message and "\n" not in message
    )
    with pytest.raises(DataError, match="has no row"):
        groups_by(data, [])


def test_a_split_that_is_spoken_of_and_not_matched_is_refused(data: Path) -> None:
    paths = [name if name.startswith("validation") else f"elsewhere/{name}" for name in FILES]
    assert groups_by(data, paths, split="validation")[1].rows_without_file == 6
    with pytest.raises(
        DataError, match=r"'elsewhere/train/Real/0\.png' where the tree says 'train/Real/0\.png'"
    ):
        groups_by(data, paths, split="train")
    # Nothing said of a split is no contradiction, and is counted.
    assert groups_by(data, FILES[:6], split="validation")[1].files_without_row == 6


def test_what_is_lost_on_either_side_is_counted_and_said(data: Path) -> None:
    joined = groups_by(data, [*FILES[:2], "train/Real/gone.png", "validation/Real/gone.png"])[1]
    assert joined.as_config() == {
        "rows": 4,
        "rows_without_file": 2,
        "files": 6,
        "files_without_row": 4,
        "groups_in_train_and_report": 0,
    }
    assert list(joined.remarks("train")) == [
        "note: 2 of 4 rows of the labels match no file, and 4 of 6 files of train have no row"
    ]
    assert not list(groups_by(data, FILES)[1].remarks("train"))


def test_a_row_of_a_file_outside_the_splits_is_not_lost(data: Path) -> None:
    (data / "spare").mkdir()
    (data / "spare" / "x.png").touch()
    paths = [*FILES, "spare\\x.png", "../faces.csv", "a\0b", "x" * 5000]
    assert groups_by(data, paths)[1].rows_without_file == 3


def test_groups_in_train_and_report_are_counted(data: Path) -> None:
    manifest = data.parent / "labels.csv"
    rows = [f"{name},x,{group}" for name, group in zip(FILES, "aabbcd" + "aaecff", strict=True)]
    manifest.write_text("\n".join(["path,label,group", *rows]) + "\n")
    joined = join(manifest, data, "train", FILES[:6], FILES)[1]
    assert joined.shared_groups == 2
    assert list(joined.remarks("train")) == [
        "warning: 2 of 6 groups stand in train and in validation or test, so figures on these are optimistic"
    ]
    # A group of one tree's train and of another's validation is such a group too.
    first = Join(1, 0, 1, 0, {"x": frozenset(["train"]), "y": frozenset(["train"])})
    second = Join(2, 1, 3, 1, {"x": frozenset(["test"])})
    assert (first + second).as_config() == {
        "rows": 3,
        "rows_without_file": 1,
        "files": 4,
        "files_without_row": 1,
        "groups_in_train_and_report": 1,
    }


@given(
    st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=12, max_size=12),
    st.lists(st.integers(0, 4), min_size=12),
)
def test_no_group_is_in_two_roles_however_its_paths_are_written(
    tmp_path_factory: pytest.TempPathFactory, spellings: list[str], groups: list[int]
) -> None:
    data = tmp_path_factory.mktemp("property") / "faces"
    files = [f"train/Real/{number}.png" for number in range(12)]
    manifest = data.parent / "labels.csv"
    rows = [
        f"{SPELLINGS[how](name, data)},Real,{group}"
        for how, name, group in zip(spellings, files, groups[:12], strict=True)
    ]
    manifest.write_text("\n".join(["path,label,group", *rows]) + "\n")
    found, _ = join(manifest, data, "train", files, files)
    images = [LabelledImage(data / name, name, Label.REAL, group=found[name]["group"]) for name in files]
    places: dict[str, set[str]] = {}
    for role, part in divide(images).items():
        for image in part:
            places.setdefault(str(groups[files.index(image.relative)]), set()).add(role.value)
    assert all(len(roles) == 1 for roles in places.values())

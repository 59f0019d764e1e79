from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from models.contract import Label
from models.support.errors import DataError
from scanner.sources import Selection, walk
from train.datasets.files import LeftOut, why_left_out
from train.datasets.tree import read_tree, survey_tree

JPEG = b"\xff\xd8\xff\xe0 a picture"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


def put(path: Path, data: bytes = JPEG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    put(tmp_path / "DATA/validation/Real/a.png")
    return put(tmp_path / "DATA/validation/Fake/a.png").parent


def names(data: Path, label: Label = Label.FAKE, split: str = "validation") -> list[str]:
    found = [image.relative for image in read_tree(data, split) if image.label is label]
    return [name.removeprefix(f"{split}/{label.title}/") for name in found]


def test_the_pictures_are_those_that_a_scan_gives_rows(fake: Path, tmp_path: Path) -> None:
    for name in ("0" * 32, "b.jfi", "c.jif", "d.pjpeg", "notes.txt", ".e.png", ".f/g", "h.dat", "photo.JPG"):
        put(fake / name)
    put(fake / "i.heic", HEIC)
    put(fake / "j", HEIC)
    put(fake / "empty.png", b"")
    put(fake / "._a.png", b"\x00\x05\x16\x07 a companion")
    put(fake / "readme.md", b"text")
    put(fake / ".git/k.png")
    put(tmp_path / "disk/deep/l.png")
    (fake / "more").symlink_to(tmp_path / "disk")
    (fake / "m.png").symlink_to(tmp_path / "disk/deep/l.png")
    (fake / "gone.png").symlink_to("nowhere")
    (fake / "gone").symlink_to("nowhere")
    ours = [image.path for image in read_tree(tmp_path / "DATA", "validation") if image.label is Label.FAKE]
    # A scan that follows links takes a file that is reached by two names once.
    scans = {Path(one.path) for one in walk([str(fake)], Selection(follow_symlinks=True))}
    assert scans <= set(ours) and set(ours) - scans <= {fake / "m.png", fake / "more/deep/l.png"}
    left_out = survey_tree(tmp_path / "DATA", "validation").left_out
    assert {name.rpartition("/")[2]: why for name, why in left_out} == {
        "._a.png": LeftOut.COMPANION,
        "readme.md": LeftOut.NO_PICTURE,
        ".git": LeftOut.GIT_FOLDER,
        "gone": LeftOut.DANGLING_LINK,
    }


def test_other_media_and_special_files_are_counted_by_reason(fake: Path, tmp_path: Path) -> None:
    put(fake / "film.mp4", b"\x00\x00\x00\x18ftypisom")
    put(fake / "pages.pdf", b"%PDF-1.7")
    put(fake / "empty", b"")
    os.mkfifo(fake / "fifo.png")
    assert names(tmp_path / "DATA") == ["a.png"]
    assert survey_tree(tmp_path / "DATA", "validation").counts_left_out() == {
        "no picture": 1,
        "special file": 1,
        "video, document or archive": 2,
    }
    # By its name a picture: the decoder says what is wrong with it.
    assert why_left_out(put(fake / "film.png", b"\x00\x00\x00\x18ftypisom")) is None


def test_linked_folders_are_read_once_and_loops_end(fake: Path, tmp_path: Path) -> None:
    data, disk = tmp_path / "DATA", tmp_path / "disk"
    put(disk / "b.png")
    put(disk / "deep/c.png")
    put(data / "pool/d.png")
    put(fake / "own/e.png")
    (disk / "loop").symlink_to(disk)
    (disk / "deep/up").symlink_to("..")
    for name, target in {
        "1": disk,
        "2": disk,
        "3": disk / "deep",
        "4": data / "pool",
        "5": fake / "own",
        "6": fake,
    }.items():
        (fake / name).symlink_to(target)
    assert names(data) == ["1/b.png", "1/deep/c.png", "4/d.png", "a.png", "own/e.png"]
    assert {name.rpartition("/Fake/")[2] for name, _ in survey_tree(data, "validation").left_out} == {
        *("2", "3", "5", "6", "1/loop", "1/deep/up")
    }


def test_a_link_into_the_tree_or_around_it_takes_no_picture_of_another_part(
    fake: Path, tmp_path: Path
) -> None:
    data = tmp_path / "DATA"
    put(data / "train/Real/x.png")
    put(data / "train/Fake/sub/x.png")
    for name, target in {
        "1": "../Real",
        "2": data,
        "3": data / "train/Fake/sub",
        "4": tmp_path,
        "5": "/",
    }.items():
        (fake / name).symlink_to(target)
    assert names(data) == ["a.png"]
    assert survey_tree(data, "validation").counts_left_out() == {LeftOut.LINKED_FOLDER: 5}


def test_a_class_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    put(tmp_path / "pool/fakes/f.png")
    put(tmp_path / "pool/other/o.png")
    put(tmp_path / "DATA/train/Real/r.png")
    (tmp_path / "DATA/train/Fake").symlink_to(tmp_path / "pool/fakes")
    (tmp_path / "DATA/train/Real/more").symlink_to(tmp_path / "pool")
    assert names(tmp_path / "DATA", split="train") == ["f.png"]
    assert names(tmp_path / "DATA", Label.REAL, "train") == ["more/other/o.png", "r.png"]


def test_a_folder_that_would_be_of_both_classes_is_refused(fake: Path, tmp_path: Path) -> None:
    put(tmp_path / "disk/sub/b.png")
    (fake / "more").symlink_to(tmp_path / "disk/sub")
    (fake.parent / "Real/more").symlink_to(tmp_path / "disk")
    with pytest.raises(DataError, match="in both classes by way of links"):
        read_tree(tmp_path / "DATA", "validation")


def test_without_links_the_order_and_the_names_are_as_ever(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.JPG", "b.png", "é.webp"):
        put(tmp_path / "train/Real" / name)
        put(tmp_path / "train/FAKE" / name)
    found = [image.relative for image in read_tree(tmp_path, "train")]
    assert found == [
        f"train/{c}/{n}" for c in ("FAKE", "Real") for n in ("a.JPG", "b.png", "b/2.png", "é.webp")
    ]


def test_a_picture_without_a_suffix_is_one(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "x", "PNG")
    assert why_left_out(tmp_path / "x") is None

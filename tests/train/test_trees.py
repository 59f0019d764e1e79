from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models.support.errors import DataError
from train.datasets.joined_trees import Trees
from train.datasets.tree import Role

MakeTree = Callable[..., Path]


def test_one_tree_keeps_its_own_names(tree: Path) -> None:
    trees = Trees.of([tree])
    images = trees.read("train")
    assert all(image.relative.startswith("train/") for image in images)
    assert all(trees.path(image.relative) == image.path for image in images)
    assert trees.name == tree.name


def test_images_of_several_trees_say_which_they_are_of(make_tree: MakeTree, tmp_path: Path) -> None:
    for name in ("b", "a"):
        make_tree(tmp_path / name, {Role.FIT: 2}, broken=False)
    trees = Trees.of([tmp_path / "b", tmp_path / "a"])
    images = trees.read("train")
    names = [image.relative for image in images]
    assert names == sorted(names) and len(set(names)) == len(names)
    assert {name.split("/")[0] for name in names} == {"a", "b"} and trees.name == "b+a"
    assert all(trees.path(image.relative) == image.path for image in images)
    # A resumed run may find its trees elsewhere, but must find all of them.
    with pytest.raises(DataError, match="the run has images of a, which is not among the data folders given"):
        Trees.of([tmp_path / "b", tmp_path / "c"]).path(names[0])


def test_each_tree_has_its_own_manifest(make_tree: MakeTree, tmp_path: Path) -> None:
    folders = [make_tree(tmp_path / name, {Role.FIT: 2}, broken=False) for name in ("a", "b")]
    other = tmp_path / "other.csv"
    text = (folders[1] / "manifest.csv").read_text()
    other.write_text(text.replace(",a,", ",elsewhere,").replace(",b,", ",elsewhere,"))
    trees = Trees.of(folders, [folders[0] / "manifest.csv", other])
    sources = {image.relative.split("/")[0]: image.source for image in trees.read("train")}
    assert sources["b"] == "elsewhere" and sources["a"] != "elsewhere"
    with pytest.raises(DataError, match="1 manifests for 2 data folders"):
        Trees.of(folders, [other])


def test_two_trees_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two data folders are called faces"):
        Trees.of([tmp_path / "x" / "faces", tmp_path / "y" / "faces"])


def test_the_report_role_is_what_there_is_of_it(make_tree: MakeTree, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_tree(tmp_path / name, {Role.FIT: 2}, broken=False)
    for split in ("validation", "test"):
        shutil.rmtree(tmp_path / "b" / split)
    found = Trees.of([tmp_path / "a", tmp_path / "b"]).report_role()
    assert found and {image.relative.split("/")[0] for image in found} == {"a"}

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.support.errors import DataError, Failure
from train import run
from train.datasets.decoded_store import Pictures
from train.datasets.joined_trees import Trees
from train.datasets.tree import Role
from train.fitting import checkpoint
from train.recipes import SCRATCH
from train.run_folder import RunFolder


@pytest.fixture
def begin(tree: Path, tmp_path: Path) -> Callable[..., run.Run]:
    def begin(data: Path = tree, **changes: Any) -> run.Run:
        plan = run.Plan(**({"recipe_name": "scratch", "seed": 4} | changes))
        return run.begin(Trees.of([data]), plan, run.Preparation(Pictures(0), tmp_path / "faces.csv"))

    return begin


def test_a_run_begun_holds_its_roles_and_writes_nothing(begin: Callable[..., run.Run], tree: Path) -> None:
    before = sorted(tree.rglob("*"))
    begun = begin()
    assert (len(begun.fit), len(begun.select), len(begun.roles[Role.CALIBRATE])) == (12, 4, 2)
    assert (begun.images, len(begun.unreadable), begun.seed, begun.state) == (20, 2, 4, None)
    assert begun.recipe == SCRATCH
    assert sorted(tree.rglob("*")) == before


def test_the_seed_decides_the_network(begin: Callable[..., run.Run]) -> None:
    weights = [begin(seed=seed).network.features[0][0].weight for seed in (1, 1, 2)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_sources_and_settings_are_recorded(begin: Callable[..., run.Run]) -> None:
    begun = begin(sources=("a",), batch_size=6, epoch_images=10, select_images=2, phases="64x2@1e-3")
    assert {image.source for images in begun.roles.values() for image in images} == {"a"}
    assert (begun.recipe.batch_size, begun.recipe.epoch_images, begun.recipe.select_images) == (6, 10, 2)
    assert begun.config["sources"] == ["a"]
    assert begun.summary["recipe"]["phases"][0]["size"] == 64
    assert begun.summary["counts"]["fit"] == {"Real": len(begun.fit) // 2, "Fake": len(begun.fit) // 2}


def test_no_manifest_at_all_is_enough(
    begin: Callable[..., run.Run], make_tree: Callable[..., Path], tmp_path: Path
) -> None:
    data = make_tree(tmp_path / "plain", {Role.FIT: 2}, broken=False)
    (data / "manifest.csv").unlink()
    with pytest.raises(DataError, match="role of"):
        begin(data)


def test_a_run_resumed_is_the_run_begun(begin: Callable[..., run.Run], tree: Path, tmp_path: Path) -> None:
    begun, folder = begin(), RunFolder(tmp_path / "run")
    begun.write(folder)
    checkpoint.save(folder.last, step=3)
    resumed = run.resume(Trees.of([tree]), folder, given={"seed": 4, "recipe_name": "scratch"})
    assert (resumed.recipe, resumed.config, resumed.roles) == (begun.recipe, begun.config, begun.roles)
    assert resumed.state is not None and resumed.state["step"] == 3
    with pytest.raises(Failure, match="--seed says otherwise"):
        run.resume(Trees.of([tree]), folder, given={"seed": 5})


def test_pictures_that_two_roles_share_are_listed(
    begin: Callable[..., run.Run], make_tree: Callable[..., Path], tmp_path: Path
) -> None:
    data = make_tree(tmp_path / "faces", {Role.FIT: 3, Role.SELECT: 1}, broken=False)
    files = sorted((data / "train" / "Fake").iterdir())
    copy = data / "validation" / "Fake" / "copy.png"
    copy.write_bytes(files[0].read_bytes())
    begun = begin(data)
    exact = [leak for leak in begun.leaks if leak.kind == "exact"]
    assert [(leak.first.path, leak.second.path, leak.second_role) for leak in exact] == [
        (files[0], copy, Role.REPORT)
    ]
    folder = RunFolder(tmp_path / "run")
    begun.write(folder)
    assert "exact,0,fit,train/Fake/" in folder.leakage.read_text()


def test_a_tree_without_validation_trains_all_the_same(
    begin: Callable[..., run.Run], make_tree: Callable[..., Path], tmp_path: Path
) -> None:
    data = make_tree(tmp_path / "faces", {Role.FIT: 2, Role.SELECT: 1}, broken=False)
    for split in ("validation", "test"):
        shutil.rmtree(data / split)
    assert len(begin(data).fit) == 4


def test_what_labels_and_files_do_not_share_is_recorded(
    begin: Callable[..., run.Run], make_tree: Callable[..., Path], tmp_path: Path
) -> None:
    data = make_tree(tmp_path / "faces", {Role.FIT: 3, Role.SELECT: 1})
    (data / "train" / "Fake" / "notes.txt").write_text("none")
    (data / "train" / "Fake" / "a film.mp4").touch()
    manifest = data / "manifest.csv"
    manifest.write_text(manifest.read_text() + "train/Real/gone.png,train,Real,a,g\n")
    begun = begin(data)
    assert begun.config["labels"] == {
        "rows": 9,
        "rows_without_file": 1,
        "files": 10,
        "files_without_row": 2,
        "groups_in_train_and_report": 0,
    }
    assert begun.config["left_out"] == {"no picture": 1, "video, document or archive": 1}
    assert begun.images == 10
    folder = RunFolder(tmp_path / "run")
    begun.write(folder)
    rows = [line.partition(",")[0] for line in folder.unreadable.read_text().splitlines()[1:]]
    assert rows == sorted(rows) and {name.rpartition("/")[2] for name in rows} == {
        *("notes.txt", "a film.mp4", "broken.png", "empty.jpg")
    }


def test_labels_that_know_none_of_the_report_role_stop_a_run(
    begin: Callable[..., run.Run], make_tree: Callable[..., Path], tmp_path: Path
) -> None:
    data = make_tree(tmp_path / "faces", {Role.FIT: 3, Role.SELECT: 1}, broken=False)
    manifest = data / "manifest.csv"
    manifest.write_text(manifest.read_text() + "x/validation/Real/1.png,validation,Real,a,g\n")
    with pytest.raises(DataError, match="'x/validation/Real/1"):
        begin(data)

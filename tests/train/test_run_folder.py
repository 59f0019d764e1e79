from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from models.contract import Label
from models.support.errors import DataError, OutputError
from train.datasets.joined_trees import Trees
from train.datasets.looks import Look
from train.datasets.tree import LabelledImage, Role
from train.fitting.select_curve import SourceRow
from train.run_folder import EpochRow, RunFolder

ROW = EpochRow(1, "phase", 260, 5e-4, 0.7, 0.69, 0.5, 32, 12.5, 13.0)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.make()
    return made


def test_roles_come_back_below_wherever_the_data_are_now(folder: RunFolder, tmp_path: Path) -> None:
    data = tmp_path / "data"

    def image(name: str, label: Label, *facts: str | None) -> LabelledImage:
        return LabelledImage(data / name, name, label, *facts)

    roles = {
        Role.FIT: [
            image('train/Real/a,"b".png', Label.REAL, "camera", "g1", "ab" * 32),
            image("train/Fake/line\nbreak.png", Label.FAKE),
            image("train/Fake/\udcff-not-utf8.png", Label.FAKE, "gan"),
        ],
        Role.SELECT: [
            replace(
                image("train/Real/é.png", Label.REAL, None, "g2"),
                face=(-3.5, 2.0, 40.1, 52.0),
                look=Look(1.25, 7.8074, -0.5),
            )
        ],
        Role.CALIBRATE: [],
    }
    folder.write_roles(roles)
    assert folder.read_roles(Trees.of([data])) == roles
    folder.roles.write_bytes(BOM_UTF8 + folder.roles.read_bytes())
    assert folder.read_roles(Trees.of([data])) == roles, "saved again by an editor"
    moved = folder.read_roles(Trees.of([tmp_path / "moved"]))
    assert moved[Role.SELECT][0].path == tmp_path / "moved" / "train/Real/é.png"


def test_config_comes_back(folder: RunFolder) -> None:
    config = {"seed": 3, "data": "Gesichter-ä", "recipe": {"phases": [{"lr": 1e-3}]}, "sources": None}
    folder.write_config(config)
    assert folder.read_config() == config
    folder.config.write_bytes(BOM_UTF8 + folder.config.read_bytes())
    assert folder.read_config() == config


@pytest.mark.parametrize("text", [None, "", "{"])
def test_a_damaged_config_is_named(text: str | None, folder: RunFolder) -> None:
    if text is not None:
        folder.config.write_text(text)
    with pytest.raises(DataError, match=r"config\.json cannot be read"):
        folder.read_config()


@pytest.mark.parametrize("text", [None, "role,path\n", "role,path,label\nfit,a.png,cat\n", "role\nnobody\n"])
def test_damaged_roles_are_named(text: str | None, folder: RunFolder) -> None:
    if text is not None:
        folder.roles.write_text(text)
    if text == "role,path\n":
        assert folder.read_roles(Trees.of([Path()])) == {Role.FIT: [], Role.SELECT: [], Role.CALIBRATE: []}
        return
    with pytest.raises(DataError, match=r"roles\.csv cannot be read"):
        folder.read_roles(Trees.of([Path()]))


def test_metrics_are_a_table_of_the_epochs(folder: RunFolder) -> None:
    folder.write_metrics([ROW])
    assert folder.metrics.read_text() == (
        "epoch,phase,size,lr,train_loss,select_loss,select_auc,images,images_per_second,"
        "model_images_per_second,loader_images_per_second\n"
        "1,phase,260,0.0005,0.7,0.69,0.5,32,12.5,13.0,\n"
    )


def test_sources_are_a_table_of_their_own_and_come_back_from_a_checkpoint(folder: RunFolder) -> None:
    row = replace(ROW, sources=[SourceRow("gan", 0, 3, 0.75, None), SourceRow("press", 2, 0, None, 0.5)])
    folder.write_metrics([row])
    assert folder.metrics.read_text().count("\n") == 2 and "gan" not in folder.metrics.read_text()
    assert folder.select_sources.read_text() == (
        "epoch,source,real,fake,auc,real_above_half\n1,gan,0,3,0.75,\n1,press,2,0,,0.5\n"
    )
    assert EpochRow.from_plain(asdict(row)) == row
    before_they_were_kept = {k: v for k, v in asdict(row).items() if k != "sources"}
    assert EpochRow.from_plain(before_they_were_kept) == ROW


def test_select_scores_come_back(folder: RunFolder) -> None:
    folder.write_select_scores(["a.png", "b,c.png"], np.array([0, 1]), np.array([0.25, 1 / 3]))
    labels, probabilities = folder.read_select_scores()
    assert labels.tolist() == [0, 1]
    assert probabilities.tolist() == [0.25, 0.333333]


def test_unreadable_images_are_listed_with_the_reason(folder: RunFolder) -> None:
    folder.write_unreadable([("a.png", "corrupt_image: x, y")])
    assert folder.unreadable.read_text() == 'path,reason\na.png,"corrupt_image: x, y"\n'


def test_files_appear_whole(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_metrics([])
    before = folder.metrics.read_bytes()

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"metrics\.csv cannot be written: No space left on device"):
        folder.write_metrics([ROW])
    assert folder.metrics.read_bytes() == before


def test_the_folder_is_made_but_not_its_parents(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run").make()
    RunFolder(tmp_path / "run").make()
    with pytest.raises(OutputError, match="cannot be made"):
        RunFolder(tmp_path / "a" / "b").make()

"""A run that went on from good weights may end between them and what it learnt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.support.errors import ModelFileError
from train.datasets.tree import Role
from train.fitting import checkpoint, wise_ft
from train.fitting.loop import Trainer
from train.fitting.wise_ft import SHARES, keep_start, mix_best, mixed

MakeTrainer = Callable[..., Trainer]


def test_a_mixture_lies_between_its_weights_and_counts_as_the_learnt_do() -> None:
    start = {"w": torch.tensor([0.0, 8.0]), "n": torch.tensor(3)}
    learnt = {"w": torch.tensor([4.0, 0.0]), "n": torch.tensor(7)}
    found = mixed(start, learnt, 0.25)
    assert found["w"].tolist() == [1.0, 6.0] and int(found["n"]) == 7
    assert torch.equal(mixed(start, learnt, 1.0)["w"], learnt["w"])


@pytest.fixture
def ended(toy_trainer: MakeTrainer) -> Trainer:
    """A run that is over, with the weights that it began from."""
    trainer = toy_trainer()
    keep_start(trainer)
    trainer.run()
    return trainer


def scored(monkeypatch: pytest.MonkeyPatch, by_call: list[float]) -> None:
    values = iter(by_call)
    monkeypatch.setattr(wise_ft, "roc_auc_score", lambda labels, logits: next(values))


@pytest.mark.parametrize(("aucs", "share"), [([0.7, 0.9, 0.8, 0.6], 0.5), ([0.7, 0.7, 0.8, 0.9], 1.0)])
def test_the_mixture_that_does_best_on_select_is_kept(
    ended: Trainer, monkeypatch: pytest.MonkeyPatch, aucs: list[float], share: float
) -> None:
    learnt, start = checkpoint.load(ended.folder.best), checkpoint.load(ended.folder.start)
    scored(monkeypatch, aucs)
    assert mix_best(ended) == (share, max(aucs))
    kept = checkpoint.load(ended.folder.best)
    for name, tensor in mixed(start["model"], learnt["model"], share).items():
        assert torch.equal(kept["model"][name], tensor), name
    assert kept["summary"] == {**learnt["summary"], "wise_ft": share, "select_auc": max(aucs)}
    _, logits = ended.predict(ended.select)
    assert ended.folder.read_select_scores()[1] == pytest.approx(1 / (1 + 2.718281828**-logits), abs=1e-5)


def test_it_is_done_once(ended: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(monkeypatch, [0.7, 0.9, 0.8, 0.6])
    first = mix_best(ended)
    before = ended.folder.best.read_bytes()
    assert mix_best(ended) == first and ended.folder.best.read_bytes() == before


def test_a_run_without_its_beginning_is_told_so(ended: Trainer) -> None:
    ended.folder.start.unlink()
    with pytest.raises(ModelFileError, match=r"start\.pt"):
        mix_best(ended)


@pytest.mark.slow
def test_scan_train_ends_with_it(
    scratch_options: list[str],
    make_tree: Callable[..., Path],
    scan_train: Callable[..., int],
    tmp_path: Path,
    capsys: Any,
) -> None:
    data = make_tree(tmp_path / "faces", {Role.FIT: 4, Role.SELECT: 2, Role.CALIBRATE: 1}, broken=False)
    shorter = ["--phases", "32x1@1e-3", "--epoch-images", "4", "--set", "wise_ft=on"]
    assert scan_train(data, "--out", tmp_path / "run", *scratch_options, *shorter, "--workers", 0) == 0
    assert "the best epoch's share in the weights is " in capsys.readouterr().err
    assert checkpoint.load(tmp_path / "run" / "best.pt")["summary"]["wise_ft"] in (*SHARES, 1.0)

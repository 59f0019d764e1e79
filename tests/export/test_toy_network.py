"""A network that the tool does not know beforehand goes the whole way, from one entry of the registry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from export.exporter import ExportOptions, export_checkpoint
from models.network import load_network, state_dict_from_onnx
from models.storage import Store
from scanner import Detector
from train.fitting import checkpoint


@pytest.mark.slow
@pytest.mark.parametrize("store", Store)
def test_it_is_exported_proven_and_scanned_with(toy_run: Path, store: Store, tmp_path: Path) -> None:
    report = export_checkpoint(toy_run, tmp_path / "toy.onnx", ExportOptions(store, name="small"))
    assert report.parity.max_abs_prob <= 1e-4 and report.parity.prob_max > report.parity.prob_min
    detector = Detector.load(report.file, "cpu")
    metadata = detector.metadata
    assert (metadata.network, metadata.name, metadata.store) == ("toy", "small", store.value)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 260, 260, 3), np.uint8)
    logit, prob_fake = detector.score(pixels)
    np.testing.assert_allclose(prob_fake, 1 / (1 + np.exp(-logit)), atol=1e-6)
    assert len(set(logit.tolist())) == 2


@pytest.mark.slow
def test_its_weights_come_back_bit_for_bit(toy_run: Path, tmp_path: Path) -> None:
    report = export_checkpoint(toy_run, tmp_path / "toy.onnx")
    before = checkpoint.load(toy_run / "best.pt")["model"]
    after = load_network(state_dict_from_onnx(report.file), where="toy.onnx", network="toy").state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], tensor) for name, tensor in after.items())

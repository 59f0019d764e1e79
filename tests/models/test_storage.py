from __future__ import annotations

import pytest
import torch

from models.backbones import build_network
from models.storage import Store, stored_state
from models.support.errors import ModelFileError


def test_fp32_keeps_the_bits() -> None:
    state = {"w": torch.tensor([1 / 3, 1e30, 1e-40]), "n": torch.tensor(5)}
    stored = stored_state(state, Store.FP32, where="w.pt")
    assert all(torch.equal(stored[name], state[name]) for name in state)


def test_fp16_rounds_floats_and_leaves_counters() -> None:
    stored = stored_state({"w": torch.tensor([1 / 3]), "n": torch.tensor(100_001)}, Store.FP16, where="w.pt")
    assert stored["w"].dtype == torch.float32
    assert stored["w"].item() == 0.333251953125
    assert stored["n"].item() == 100_001


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("store", Store)
def test_weights_that_are_not_finite_are_refused(store: Store, bad: float) -> None:
    with pytest.raises(ModelFileError, match=r"w\.pt: tensor 'w' holds NaN or infinity"):
        stored_state({"w": torch.tensor([bad])}, store, where="w.pt")


def test_overflow_names_the_tensor_and_the_remedy() -> None:
    with pytest.raises(
        ModelFileError, match=r"'w' reaches 70000, beyond fp16's 65504; export with --store fp32"
    ):
        stored_state({"w": torch.tensor([1.0, -70000.0])}, Store.FP16, where="w.pt")


def test_tiny_variance_moves_the_batchnorm_scale_by_less_than_it_is_said_to() -> None:
    norms = [m for m in build_network().modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-5}
    variance = torch.logspace(-12, 4, 4001)
    rounded = stored_state({"v": variance}, Store.FP16, where="w.pt")["v"]
    assert (rounded == 0).any() and (rounded >= 0).all()
    scale, moved = (1 / torch.sqrt(v.double() + 1e-5) for v in (variance, rounded))
    assert (moved / scale - 1).abs().max() < 1.5e-3

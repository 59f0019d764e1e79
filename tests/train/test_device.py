from __future__ import annotations

import pytest
import torch

from train.fitting.device import TrainingDeviceError, choose_device, spare_threads


def test_auto_takes_cuda_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


def test_a_named_device_is_used_or_refused_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(TrainingDeviceError, match="--device cuda:2"):
        choose_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingDeviceError, match="--device cpu"):
        choose_device("cuda")


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "CUDA", "mps"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(TrainingDeviceError, match="not auto, cpu"):
        choose_device(name)


def test_there_are_no_more_threads_than_cores() -> None:
    before = torch.get_num_threads()
    try:
        spare_threads(before + 1)
        assert torch.get_num_threads() == before
        spare_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)

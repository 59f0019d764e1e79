from __future__ import annotations

from typing import Any

import pytest
import torch

from export.wrapper import ContractModel
from models.contract import Label
from models.network import load_network


@pytest.mark.slow
def test_wrapper_does_the_whole_contract(state: Any, images: Any) -> None:
    network = load_network(state, where="the fixture")
    pixels = torch.from_numpy(images[5:8])
    with torch.inference_mode():
        prob, logit = ContractModel(network, positive=Label.FAKE, temperature=1.5)(pixels)
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        expected = network(((pixels / 255 - mean) / std).permute(0, 3, 1, 2))[:, 0]
    assert prob.shape == logit.shape == (3,)
    assert prob.dtype == logit.dtype == torch.float32
    torch.testing.assert_close(logit, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(prob, torch.sigmoid(logit / 1.5))


@pytest.mark.slow
def test_one_image_gives_a_vector_of_one(state: Any, images: Any) -> None:
    model = ContractModel(load_network(state, where="the fixture"), positive=Label.REAL)
    with torch.inference_mode():
        prob, logit = model(torch.from_numpy(images[:1]))
    assert prob.shape == logit.shape == (1,)


@pytest.mark.slow
def test_wrapped_network_is_left_as_it_was(state: Any) -> None:
    network = load_network(state, where="the fixture").train()
    ContractModel(network, positive=Label.FAKE)
    assert network.training
    assert isinstance(network.avgpool, torch.nn.AdaptiveAvgPool2d)

"""The way back from the logit to places, beside torch's own derivatives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torchvision.ops import SqueezeExcitation
from torchvision.transforms.functional import normalize

from export.attribution import attribution, shares_of_area
from export.cam_proof import sum_difference
from export.convert import convert
from export.graph_additions import Graph, NotUnderstood
from export.images import proof_images
from export.variants import Precision, convert_to
from models.backbones import build_network
from models.contract import NETWORKS, Label
from models.storage import Store, stored_state
from models.support.onnx_runtime import load_onnxruntime


class _StillSiLU(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x).detach()


def network_of(name: str, store: Store) -> Any:
    """Random, with BatchNorms that move what they are given."""
    torch.manual_seed(1)
    network = build_network(name, dropout=0.0, stochastic_depth=0.0).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.6)
            for numbers in (module.bias, module.running_mean):
                nn.init.normal_(numbers, std=0.3)  # type: ignore[arg-type]
    network.load_state_dict(stored_state(network.state_dict(), store, where="random"))
    return network


def by_torch(network: Any, images: Any) -> Any:
    """``[N, 9, 9]``: tensor times derivative, with gates that stand still, and what each bias adds."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.SiLU):
                setattr(module, name, _StillSiLU())
            elif isinstance(child, nn.ReLU):
                child.inplace = False
            elif isinstance(child, SqueezeExcitation):
                child.register_forward_hook(lambda one, given, _: given[0] * one._scale(given[0]).detach())
    kept: list[tuple[Any, Any]] = []

    def keep(module: Any, _: object, made: Any) -> None:
        made.retain_grad()
        kept.append((module, made))

    start = network.features[5][-2]
    after = [network.features[5][-1], *network.features[6:]]
    start.register_forward_hook(keep)
    for block in after:
        for module in block.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(keep)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0
    features = network.features(normalize(pixels, list(network.mean), list(network.std)))
    cells = features.shape[-1]
    network.classifier(network.pooled(features)).sum().backward()
    found = np.zeros((len(images), cells, cells))
    for module, made in kept:
        numbers = made
        if module is not start:
            scale = module.weight / torch.sqrt(module.running_var + module.eps)
            numbers = (module.bias - module.running_mean * scale)[None, :, None, None]
        share = shares_of_area(made.shape[-1], cells)
        found += share @ (made.grad * numbers).sum(1).detach().numpy() @ share.T
    return found * cells**2


def run(model: onnx.ModelProto, names: list[str], images: Any) -> list[Any]:
    session = load_onnxruntime().InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return list(session.run(names, {"image": images}))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "store"), list(zip(NETWORKS, Store, strict=True)))
def test_it_is_what_torchs_derivatives_give(name: str, store: Store) -> None:
    network = network_of(name, store)
    model = convert(network, positive=Label.FAKE, temperature=1.0, store=store)
    images = proof_images()[[9, 20]]
    logit, cam = run(model, ["logit", "cam"], images)
    assert (cam.shape, cam.dtype) == ((2, 9, 9), np.float32)
    expected = by_torch(network, images)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(cam, expected, atol=2e-4 * largest)
    assert np.ptp(cam[0]) > 0.01 * largest
    assert sum_difference(cam, logit, network.classifier[1].bias.item()) < 1e-4 * largest


@pytest.mark.parametrize(("fine", "coarse"), [(17, 9), (9, 9), (24, 12), (3, 2)])
def test_a_cell_is_shared_out_by_area(fine: int, coarse: int) -> None:
    share = shares_of_area(fine, coarse)
    np.testing.assert_allclose(share.sum(0), 1, atol=1e-6)
    np.testing.assert_allclose(share.sum(1), fine / coarse, atol=1e-6)
    # Each piece goes to where it lies, and to its neighbour at most.
    assert all(np.flatnonzero(column).size <= 2 for column in share.T)


@pytest.mark.slow
def test_integers_show_the_same_places() -> None:
    network = network_of("efficientnet_lite2", Store.FP32)
    model = convert(network, positive=Label.FAKE, temperature=1.0, store=Store.FP32)
    images = proof_images()[:6]
    sample: Any = SimpleNamespace(pixels=images)
    rounded = convert_to(Precision.INT8, model, sample, where="random")
    kinds = {node.op_type for node in rounded.graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    (logit, ours), (theirs,) = run(rounded, ["logit", "cam"], images), run(model, ["cam"], images)
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, theirs, strict=True)]
    assert np.median(alike) > 0.9
    assert sum_difference(ours, logit, network.classifier[1].bias.item()) < 1e-5 * np.abs(ours).max()


def halved(kind: str) -> onnx.ModelProto:
    """A sum, an operator, and a convolution to half the size, whose output is ``features``."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["twice"]),
        helper.make_node(kind, ["twice"], ["bent"]),
        helper.make_node("Conv", ["bent", "w"], ["features"], strides=[2, 2], kernel_shape=[2, 2]),
    ]
    maps = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2, edge, edge])
        for name, edge in (("x", 8), ("features", 4))
    ]
    constants = [
        numpy_helper.from_array(np.ones(shape, np.float32), name)
        for name, shape in (("w", (2, 2, 2, 2)), ("classifier", (1, 2)))
    ]
    return helper.make_model(helper.make_graph(nodes, "halved", maps[:1], maps[1:], constants))


def test_an_operator_that_our_networks_lack_is_refused() -> None:
    attribution(Graph(halved("Relu")), "features", "classifier")
    with pytest.raises(NotUnderstood, match="Tanh"):
        attribution(Graph(halved("Tanh")), "features", "classifier")

"""The output ``cam``: what it is, that it adds up on every precision, and that no score moves for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import toy_network
from onnx import helper
from torchvision.transforms.functional import normalize

from export.cam import CamError, find_head, has_cam, with_cam, without_cam
from export.cam_proof import check_sum, check_unmoved, sum_difference
from export.convert import convert
from export.exporter import write_model
from export.images import proof_images
from export.variants import Precision, convert_to
from models.contract import Label, ModelMetadata
from models.storage import Store
from models.support.onnx_runtime import load_onnxruntime
from scanner import Detector
from scanner.inference.openvino import load_openvino

METADATA = ModelMetadata("toy", "1", "fake", temperature=1.5)


def toy() -> toy_network.Toy:
    torch.manual_seed(2)
    network = toy_network.Toy().eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight *= 3
        network.classifier[1].bias += 0.7
    return network


def run(model: onnx.ModelProto, names: list[str], images: Any) -> list[Any]:
    session = load_onnxruntime().InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return list(session.run(names, {"image": images}))


def torch_cam(network: Any, images: Any) -> Any:
    """By torch alone: the features times the classifier's weights, ``[N, h, w]``."""
    with torch.inference_mode():
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0
        features = network.features(normalize(pixels, list(network.mean), list(network.std)))
        weight = network.classifier[1].weight[0]
        return (features * weight[None, :, None, None]).sum(1).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("positive", Label)
def test_it_turns_with_the_orientation_and_adds_up(positive: Label) -> None:
    network = toy()
    model = convert(network, positive=positive, temperature=1.5, store=Store.FP32)
    images = proof_images()
    logit, cam = run(model, ["logit", "cam"], images)
    sign = 1 if positive is Label.FAKE else -1
    np.testing.assert_allclose(cam, sign * torch_cam(network, images), atol=1e-4)
    head = find_head(model, where="toy")
    assert head.bias == pytest.approx(sign * network.classifier[1].bias.item())
    assert sum_difference(cam, logit, head.bias) < 1e-5
    alone = np.concatenate([run(model, ["cam"], images[n : n + 1])[0] for n in range(4)])
    np.testing.assert_allclose(alone, cam[:4], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "precision", ["fp32", "fp16", "int8", pytest.param("bf16", marks=pytest.mark.own_process)]
)
def test_on_every_precision_it_adds_up_and_moves_no_score(precision: str, tmp_path: Path) -> None:
    """To the bit, but in half precision, where the runtime's casts depend on who reads the features."""
    device = "cpu"
    if precision == "bf16":
        device = "openvino"
        if "BF16" not in load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            pytest.skip("this processor does not compute bf16")
    images = proof_images()
    model = convert(toy(), positive=Label.FAKE, temperature=1.5, store=Store.FP32)
    if precision != "fp32":
        sample: Any = SimpleNamespace(pixels=images[::2])
        model = convert_to(Precision(precision), model, sample, where="toy")
    onnx.checker.check_model(model, full_check=True)
    metadata = replace(METADATA, precision=precision)
    write_model(without_cam(model), metadata, tmp_path / "old.onnx")
    write_model(model, metadata, tmp_path / "new.onnx")
    old, new = (Detector.load(tmp_path / f"{name}.onnx", device) for name in ("old", "new"))
    assert (old.facts.has_cam, new.facts.has_cam) == (False, True)
    before, (after, cam) = old.score(images), new.cams(images)
    logit, _ = check_unmoved(before, after, precision, where="toy")
    assert precision in ("fp16", "bf16") or logit == 0.0
    np.testing.assert_array_equal(new.score(images).logit, after.logit)
    assert np.ptp(after.logit) > 0.3
    check_sum(cam, after.logit, find_head(model, where="toy").bias, precision, where="toy")


def test_variants_of_a_file_without_it_have_it(tmp_path: Path) -> None:
    model = convert(toy(), positive=Label.FAKE, temperature=1.5, store=Store.FP32)
    old = without_cam(model)
    assert has_cam(model) and not has_cam(old)
    for precision in (Precision.FP16, Precision.BF16):
        assert has_cam(convert_to(precision, old, None, where="toy"))


def test_taking_it_away_gives_the_file_before() -> None:
    model = convert(toy(), positive=Label.FAKE, temperature=1.5, store=Store.FP16)
    old = without_cam(model)
    assert with_cam(old, where="toy") == model
    assert not any("cam" in tensor.name for tensor in old.graph.initializer)


def test_a_map_that_does_not_add_up_is_refused() -> None:
    cam, logit = np.full((2, 3, 3), 2.0, np.float32), np.full(2, 2.5, np.float32)
    assert check_sum(cam, logit, 0.5, "fp32", where="a") == 0.0
    for wrong in (logit + np.float32(1e-3), logit * np.float32("nan")):
        with pytest.raises(CamError, match="a was not written: its heat maps are up to"):
            check_sum(cam, wrong, 0.5, "fp32", where="a")


@pytest.mark.parametrize(
    ("precision", "moved", "is_refused"),
    [("fp32", 1e-7, True), ("int8", 1e-7, True), ("fp16", 1e-5, False), ("fp16", 1e-3, True)],
)
def test_a_score_that_moved_is_refused(precision: str, moved: float, is_refused: bool) -> None:
    before = np.zeros(3, np.float32), np.full(3, 0.5, np.float32)
    after = before[0], before[1] + np.float32(moved)
    if is_refused:
        with pytest.raises(CamError, match="moved a score"):
            check_unmoved(before, after, precision, where="a")
    else:
        assert check_unmoved(before, after, precision, where="a")[1] == pytest.approx(moved, rel=0.01)


def graphs_of_another_kind() -> dict[str, onnx.ModelProto]:
    plain = without_cam(convert(toy(), positive=Label.FAKE, temperature=1.5, store=Store.FP32))
    found = {}
    for name, kind in (
        ("scaled", "Gemm"),
        ("not pooled by their mean", "ReduceMean"),
        ("one linear", "Gemm"),
    ):
        model = onnx.ModelProto()
        model.CopyFrom(plain)
        (node,) = (one for one in model.graph.node if one.op_type == kind)
        if name == "scaled":
            node.attribute.append(helper.make_attribute("alpha", 2.0))
            del node.attribute[: len(node.attribute) - 1]
        else:
            node.op_type = {"ReduceMean": "ReduceMax", "Gemm": "Mul"}[kind]
        found[name] = model
    (output,) = (one for one in plain.graph.output if one.name == "logit")
    plain.graph.output.remove(output)
    return {**found, "no outputs logit and prob_fake": plain}


def test_a_graph_that_is_not_understood_is_refused() -> None:
    for words, model in graphs_of_another_kind().items():
        with pytest.raises(CamError, match=words):
            with_cam(model, where="a file")

"""What the tests of precision variants share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import EfficientNet
from torchvision.models.efficientnet import MBConvConfig
from torchvision.transforms.functional import normalize

from export.convert import convert
from export.exporter import write_model
from export.variants import Precision, VariantOptions
from models.backbones import Network
from models.contract import (
    DEFAULT_NETWORK,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Label,
    ModelMetadata,
    Threshold,
)
from models.preprocessing import to_input
from models.storage import Store
from scanner.inference.openvino import load_openvino

METADATA = ModelMetadata(
    "small", "1", "fake", license="none", temperature=0.7, calibrated=True, calibration_prior=0.5,
    thresholds={"default": Threshold(0.8, "tests", 0.05, 0.5)}, inconclusive_low=0.2, parity={"images": 32},
)  # fmt: skip


def picture(generator: np.random.Generator, label: Label) -> npt.NDArray[np.uint8]:
    """``uint8[32, 32, 3]``: noise over a gradient; most fakes have more of it."""
    ramp = np.linspace(0, 200, 32)[:, None, None] * generator.uniform(0.3, 1, 3)
    noise = generator.normal(0, generator.uniform(10, 30) + 10 * label, (32, 32, 3))
    return np.clip(ramp + noise, 0, 255).astype(np.uint8)


class Small(EfficientNet, Network):  # type: ignore[misc]
    backbone = DEFAULT_NETWORK
    forward = Network.forward


def small_network() -> Network:
    """Stem, two MBConv stages (one block with a residual sum) and a classifier that knows most fakes."""
    torch.manual_seed(3)
    stages = [
        MBConvConfig(1, 3, 2, 8, 8, 1, width_mult=1.0, depth_mult=1.0),
        MBConvConfig(4, 3, 2, 8, 16, 2, width_mult=1.0, depth_mult=1.0),
    ]
    network = Small(stages, dropout=0.0, stochastic_depth_prob=0.0, num_classes=1, last_channel=32)
    generator = np.random.default_rng(9)
    labels = [Label.REAL, Label.FAKE] * 8
    drawn = [to_input(Image.fromarray(picture(generator, label))) for label in labels]
    pixels = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2) / 255
    images = normalize(pixels, list(IMAGENET_MEAN), list(IMAGENET_STD))
    head = network.classifier[1]
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network.train()(images)
        features = network.eval().features(images).mean((2, 3))
        direction = features[1::2].mean(0) - features[::2].mean(0)
        logits = features @ direction
        head.weight.copy_(direction / logits.std())
        head.bias.fill_(-logits.mean() / logits.std())
    return network


def save(network: Network, file: Path, metadata: ModelMetadata = METADATA) -> Path:
    model = convert(network, positive=Label.FAKE, temperature=metadata.temperature, store=Store.FP32)
    write_model(model, metadata, file)
    return file


def options(precision: str, data: Path) -> VariantOptions:
    kind = Precision(precision)
    on = data if kind is Precision.INT8 else None
    return VariantOptions(
        kind, measure_on=data, calibrate_on=on, calibration_images=16, device=device_for(precision)
    )


def device_for(precision: str) -> str:
    if precision != "bf16":
        return "cpu"
    if "BF16" not in load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does not compute bf16")
    return "openvino"

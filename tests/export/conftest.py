"""A network whose probabilities spread, its checkpoints, and two full exports for the whole session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
import toy_network
from torch import Tensor
from torchvision.models.efficientnet import MBConv

from export.exporter import ExportOptions, ExportReport, export_checkpoint
from export.images import proof_images
from models.backbones import build_network
from models.contract import IMAGENET_MEAN, IMAGENET_STD
from models.storage import Store
from models.support.onnx_runtime import load_onnxruntime
from train.fitting import checkpoint

SUMMARY = {"recipe": "scratch", "epochs": 3, "select_auc": 0.75, "seed": 7}


def load_with_onnxruntime(file: Path) -> Callable[[npt.NDArray[np.uint8]], Any]:
    """Runs a file without the scanner: the export's tests fail for the export's reasons only."""
    session = load_onnxruntime().InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])

    def score(images: npt.NDArray[np.uint8]) -> Any:
        return session.run(["logit", "prob_fake"], {"image": images})

    return score


@pytest.fixture(scope="session")
def load() -> Callable[[Path], Callable[[npt.NDArray[np.uint8]], Any]]:
    return load_with_onnxruntime


@pytest.fixture(scope="session")
def images() -> npt.NDArray[np.uint8]:
    return proof_images()


@pytest.fixture(scope="session")
def state() -> dict[str, Tensor]:
    """Seeded random tensors, BatchNorm's among them, and a head that spreads the probabilities.

    The running statistics are those of some images, and the residual branches are weak: with any other
    statistics a random network forgets its input or overflows the sigmoid.
    """
    torch.manual_seed(20)
    network = build_network(dropout=0.0, stochastic_depth=0.0)
    pixels = torch.from_numpy(proof_images()[[3, 6, 12, 16, 20, 28]]).permute(0, 3, 1, 2) / 255
    pixels = (pixels - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)) / torch.tensor(IMAGENET_STD).view(
        1, 3, 1, 1
    )
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.momentum = 1.0
            norm.weight.uniform_(0.8, 1.2)
            norm.bias.normal_(0, 0.1)
        for module in network.modules():
            if isinstance(module, MBConv) and module.use_res_connect:
                module.block[-1][1].weight *= 0.2
        network.train()(pixels)
        for norm in norms:
            norm.running_var.clamp_(min=norm.running_var.mean().item())
            norm.num_batches_tracked.zero_()
        head = network.classifier[1]
        logits = network.eval()(pixels)
        head.bias -= logits.mean()
        # The bias belongs to the mean logit, so that it is scaled with the weight.
        for tensor in (head.weight, head.bias):
            tensor *= 1.5 / logits.std()
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="session")
def run_checkpoint(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, as scan-train leaves it, as far as the export reads it."""
    folder = tmp_path_factory.mktemp("runs") / "first-run"
    folder.mkdir()
    content = {
        "format": "deepfake-scanner checkpoint",
        "format_version": 1,
        "positive": "fake",
        "summary": SUMMARY,
        "model": state,
        "optimizer": {"state": {}, "param_groups": []},
    }
    torch.save(content, folder / "best.pt")
    return folder


@pytest.fixture(scope="session")
def seed_checkpoint(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare state_dict, like the seed's ``efficientnetb4_260_only2phases.pth``."""
    file = tmp_path_factory.mktemp("seed") / "efficientnetb4_260_only2phases.pth"
    torch.save(state, file)
    return file


class Exports(NamedTuple):
    fp32: ExportReport
    fp16: ExportReport


@pytest.fixture(scope="session")
def exports(run_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    folder = tmp_path_factory.mktemp("exports")
    return Exports(
        export_checkpoint(run_checkpoint, folder / "fp32.onnx", load=load_with_onnxruntime),
        export_checkpoint(
            run_checkpoint / "best.pt",
            folder / "fp16.onnx",
            ExportOptions(Store.FP16, name="named", version="1.2", license="research use"),
            load=load_with_onnxruntime,
        ),
    )


@pytest.fixture
def toy_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's folder with the best epoch of a toy whose probabilities spread, exported in seconds."""
    toy_network.register(monkeypatch)
    torch.manual_seed(2)
    network = toy_network.Toy().eval()
    with torch.no_grad():
        network.classifier[1].weight *= 5
    folder = tmp_path / "run"
    folder.mkdir()
    weights = checkpoint.plain_weights(network)
    summary = {"recipe": "toy", "epochs": 1, "seed": 2}
    checkpoint.save(folder / "best.pt", model=weights, network=network.backbone, summary=summary)
    return folder

"""What the tests of precision are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from precision_variants import picture, save, small_network

from export import variants
from export.variant_check import quantization_sample
from models.contract import (
    Label,
)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(small_network(), tmp_path_factory.mktemp("small") / "small.onnx")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("trees") / "faces"
    generator = np.random.default_rng(5)
    for split, count in (("train", 24), ("validation", 8)):
        for label in Label:
            folder = tree / split / label.title
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(picture(generator, label)).save(folder / f"{number:02}.png")
    return tree


@pytest.fixture(scope="session")
def pixels(data: Path) -> npt.NDArray[np.uint8]:
    return quantization_sample(data, 16).pixels


@pytest.fixture
def tolerant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen pictures and random weights say nothing about how much a variant may lose."""
    monkeypatch.setattr(variants, "MAX_AUC_LOSS", 1.0)

"""What measures is in no package: it is found from the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_onnx import write_tiny_model

from models.contract import ModelMetadata
from models.faces.law import face_law

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)


@pytest.fixture(scope="session")
def face_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judges faces; ``logit = (mean of the pixels - 128) / 32``."""
    metadata = ModelMetadata("bright", "3", "fake", preprocess=2, faces=face_law(1.2))
    return write_tiny_model(tmp_path_factory.mktemp("model") / "bright.onnx", metadata)


@pytest.fixture(scope="session")
def whole_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of whole pictures."""
    return write_tiny_model(
        tmp_path_factory.mktemp("model") / "whole.onnx", ModelMetadata("bright", "3", "fake")
    )

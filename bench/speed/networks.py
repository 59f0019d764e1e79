"""Models of our own networks for measurements of time: their weights are random, which arithmetic does not look at."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from export.exporter import ExportOptions, export_checkpoint
from models.backbones import build_network
from models.contract import DEFAULT_NETWORK, OUTPUT_CAM, Label
from models.support.onnx_parts import without_output


def write_network(path: Path, name: str = DEFAULT_NETWORK) -> Path:
    """An exported model of whole pictures (preprocessing version 1), fp32, of scores alone: whatever else runs the file
    would compute the maps, too."""
    torch.manual_seed(0)
    network = build_network(name, dropout=0.0, stochastic_depth=0.0)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "state.pt")
        torch.save(network.state_dict(), state)
        export_checkpoint(state, path, ExportOptions(positive=Label.FAKE))
    path.write_bytes(without_output(path.read_bytes(), OUTPUT_CAM).without)
    return path

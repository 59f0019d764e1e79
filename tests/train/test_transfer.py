"""The recipe transfer with EfficientNet-Lite2 on faces from two trees, from the data to the exported file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from export.exporter import ExportOptions, export_checkpoint
from models.contract import ModelMetadata
from models.faces.law import face_law
from models.storage import Store
from train.datasets.tree import Role
from train.run_folder import RunFolder

Read = Callable[[Path], dict[str, Any]]

OPTIONS = (
    "--recipe", "transfer", "--network", "efficientnet_lite2", "--init", "random", "--phases", "32x1@1e-3,260x1@1e-4",
    "--batch-size", "4", "--epoch-images", "12", "--select-images", "4", "--seed", "5", "--set", "margin=1.2",
    "--set", "self_blend=0.3", "--set", "degradations=on", "--set", "degradation_share=0.5",
    "--set", "shares=a:2", "--device", "cpu", "--workers", "0", "--no-progress",
)  # fmt: skip


@pytest.fixture(scope="module")
def trees(make_tree: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("trees")
    counts = {Role.FIT: 3, Role.SELECT: 1, Role.CALIBRATE: 1}
    return [make_tree(folder / name, counts, broken=False, faces=True) for name in ("one", "two")]


@pytest.fixture(scope="module")
def whole(
    trees: list[Path], scan_train: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    out = tmp_path_factory.mktemp("transfer") / "run"
    assert scan_train(*trees, "--out", out, *OPTIONS) == 0
    return RunFolder(out)


@pytest.mark.slow
def test_a_run_on_two_trees_says_what_it_trained(whole: RunFolder, read: Read) -> None:
    config = json.loads(whole.config.read_text(encoding="utf-8"))
    assert (config["network"], config["data"]) == ("efficientnet_lite2", "one+two")
    assert config["counts"]["fit"] == {"Real": 6, "Fake": 6}
    assert config["recipe"]["shares"] == {"a": 2.0}
    roles = whole.roles.read_text(encoding="utf-8").splitlines()
    assert roles[0].endswith("face_x,face_y,face_w,face_h,sharpness,size,compression")
    assert {row.split(",")[1].split("/")[0] for row in roles[1:]} == {"one", "two"}
    assert all(row.split(",")[-1] and row.split(",")[-7] for row in roles[1:]), "each with its face and look"
    sources = whole.select_sources.read_text(encoding="utf-8").splitlines()
    assert {tuple(row.split(",")[:2]) for row in sources[1:]} <= {(e, s) for e in "12" for s in "ab"}
    assert read(whole.best)["network"] == "efficientnet_lite2"


@pytest.mark.slow
@pytest.mark.parametrize("steps", [2, 4])
def test_interrupted_in_either_phase_it_ends_with_the_same_weights(
    steps: int,
    trees: list[Path],
    whole: RunFolder,
    scan_train: Callable[..., int],
    read: Read,
    differing: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        asked = iter(range(100))  # after each of the three steps of an epoch, and at its end
        patch.setattr("train.session.stop_after", lambda *_: lambda: next(asked) >= steps - 1)
        assert scan_train(*trees, "--out", folder.path, *OPTIONS) == 0
    stopped = read(folder.last)["position"]
    assert (stopped["phase"], stopped["step"]) == ((0, 2) if steps == 2 else (1, 0))
    # The trees may be named in another order, and the options need not be repeated.
    again = ("--resume", "--device", "cpu", "--workers", "0")
    assert scan_train(*reversed(trees), "--out", folder.path, *again) == 0
    for kind in ("model", "average"):
        assert differing(read(folder.last)[kind], read(whole.last)[kind]) == []
    assert folder.select_sources.read_text() == whole.select_sources.read_text()


@pytest.mark.slow
def test_the_exported_file_says_network_and_law(whole: RunFolder, tmp_path: Path) -> None:
    report = export_checkpoint(whole.path, tmp_path / "lite.onnx", ExportOptions(Store.FP16))
    assert report.parity.max_abs_prob <= 1e-4
    props = {prop.key: prop.value for prop in onnx.load(str(report.file)).metadata_props}
    metadata = ModelMetadata.from_props(props, where="lite.onnx")
    assert (metadata.network, metadata.preprocess, metadata.faces) == ("efficientnet_lite2", 2, face_law(1.2))
    assert report.size < 11_000_000


@pytest.mark.slow
def test_a_run_goes_on_from_an_exported_file_of_its_network(
    whole: RunFolder, trees: list[Path], scan_train: Callable[..., int], tmp_path: Path
) -> None:
    report = export_checkpoint(whole.path, tmp_path / "lite.onnx")
    options = [option for option in OPTIONS if option not in ("--init", "random")]
    out = tmp_path / "run"
    assert scan_train(*trees, "--out", out, *options, "--init", report.file, "--phases", "32x1@1e-9") == 0
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert config["init"] == {"from": "lite.onnx", "sha256": report.sha256}
    before, now = (torch.load(path / "best.pt", weights_only=True)["model"] for path in (whole.path, out))
    name = "features.3.0.block.0.0.weight"
    assert torch.allclose(before[name], now[name], atol=1e-6)

"""The models that ship beside the default: whole, small, licensed, described by measured figures, and runnable."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.weights import WEIGHTS_DIR, resolve_model, shipped_names, shipped_weights
from scanner import Detector, scan_paths

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = ("faces-lite2",)


def test_these_are_all() -> None:
    assert shipped_names() == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_file_and_card_agree(name: str) -> None:
    path, digest = resolve_model(Path(name))
    shipped = shipped_weights(name)
    metadata = Detector.load(Path(name), "cpu").metadata
    assert (path, digest) == (shipped.path, shipped.sha256) and path.stat().st_size < 40e6
    assert (metadata.name, metadata.version, metadata.store) == (name, shipped.card["version"], "fp16")
    assert metadata.calibrated and "research use" in (metadata.license or "")
    assert metadata.source_checkpoint_sha256 == shipped.card["source_checkpoint_sha256"]
    page = (WEIGHTS_DIR / name / "README.md").read_text(encoding="utf-8")
    assert shipped.sha256 in page and "## What they do not detect" in page
    assert shipped.card["license"] in page


def test_a_name_serves_as_a_model() -> None:
    detector = Detector.load(Path("faces-lite2"), "cpu")
    results = list(scan_paths([str(SAMPLES)], detector))
    assert len(results) == 6
    assert all(result.faces == 1 and result.prob_fake is not None for result in results)

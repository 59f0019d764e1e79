"""The weights that ship: whole, small, licensed, described by figures that were measured, and runnable."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.preprocessing import preprocess
from models.weights import WEIGHTS_DIR, resolve_model, shipped_weights
from scanner import Detector, Status, decode_path, scan_paths

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CARD_PAGE = (ROOT / "models" / "weights" / "README.md").read_text(encoding="utf-8")
SAMPLES = ROOT / "samples"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(None, "cpu")


def test_the_file_is_the_cards_and_below_40_megabytes(detector: Detector) -> None:
    shipped = shipped_weights()
    assert resolve_model(None) == (shipped.path, shipped.sha256)
    assert shipped.path.stat().st_size < 40e6
    assert detector.metadata.store == "fp16"
    assert (detector.metadata.name, detector.metadata.version) == (
        shipped.card["name"],
        shipped.card["version"],
    )
    assert detector.metadata.source_checkpoint_sha256 == shipped.card["source_checkpoint_sha256"]


def test_the_licence_is_said_everywhere(detector: Detector) -> None:
    licence = shipped_weights().card["license"]
    assert "research use" in licence and licence == detector.metadata.license
    assert "research" in (WEIGHTS_DIR.parent / "WEIGHTS-LICENSE").read_text(encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-c", "from scanner.cli import main; main()", "--version"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert licence in said and shipped_weights().sha256 in said
    assert "for research use only" in README


def test_the_card_says_first_what_the_weights_are_for() -> None:
    first = CARD_PAGE.splitlines()[2]
    assert first.startswith("**These weights only demonstrate the tool.**")
    assert shipped_weights().sha256 in CARD_PAGE
    assert "## What they do not detect" in CARD_PAGE


def test_the_readmes_error_rates_are_the_cards() -> None:
    by_source = shipped_weights().card["evaluation"]["by_source"]
    rows = re.findall(
        r"^\| ([\w-]+) \| [^|]* \| ([\d.]+) \[[^|]* \| ([\d.]+) %[^|]* \| \**([\d.]+) %", README, re.M
    )
    assert {row[0] for row in rows} == set(by_source)
    for source, auc, fpr, tpr in rows:
        figures = by_source[source]["metrics"]
        assert float(auc) == pytest.approx(figures["roc_auc"]["value"], abs=6e-4)
        assert float(fpr) == pytest.approx(100 * figures["fpr"]["value"], abs=0.06)
        assert float(tpr) == pytest.approx(100 * figures["tpr"]["value"], abs=0.06)


def test_the_readmes_excerpt_is_what_a_scan_of_the_samples_gives(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    found = {result.path: result for result in scan_paths(["samples"], detector)}
    assert all(result.status is Status.OK for result in found.values()) and len(found) == 6
    excerpt = README.partition("```csv\n")[2].partition("```")[0]
    rows = list(csv.DictReader(io.StringIO(excerpt)))
    assert len(rows) >= 3
    for row in rows:
        result = found[row["path"]]
        assert (row["sha256"], row["model"]) == (result.sha256, detector.sha256[:12])
        # Another processor may move the last digits.
        assert float(row["prob_fake"]) == pytest.approx(result.prob_fake, abs=1e-3)


def test_every_sample_is_described() -> None:
    page = (SAMPLES / "README.md").read_text(encoding="utf-8")
    for path in SAMPLES.rglob("*.jpg"):
        assert f"`{path.relative_to(SAMPLES).as_posix()}`" in page


@pytest.mark.slow
def test_the_torch_network_comes_back_from_the_shipped_file(detector: Detector) -> None:
    import torch
    from torchvision.transforms.functional import normalize

    from models.contract import IMAGENET_MEAN, IMAGENET_STD
    from train.fitting.init_weights import starting_network
    from train.recipes import TWO_PHASE

    files = sorted(SAMPLES.rglob("*.jpg"))
    pixels = np.stack([preprocess(Path(decode_path(str(path))).read_bytes())[0] for path in files])
    network = starting_network("shipped", TWO_PHASE)[0].eval()
    with torch.inference_mode():
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        logits = network(normalize(batch, list(IMAGENET_MEAN), list(IMAGENET_STD)))[:, 0].numpy()
    np.testing.assert_allclose(logits, detector.score(pixels).logit, atol=2e-3)

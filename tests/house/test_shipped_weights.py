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

from models.preprocessing.laws import law_of
from models.weights import DEFAULT, WEIGHTS_DIR, resolve_model, shipped_names, shipped_weights
from scanner import Detector, ErrorCode, Status, scan_paths

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SAMPLES = ROOT / "samples"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(None, "cpu")


def page_of(name: str) -> str:
    return (WEIGHTS_DIR / name / "README.md").read_text(encoding="utf-8")


def test_the_default_is_one_of_them() -> None:
    assert DEFAULT in shipped_names()
    assert (
        resolve_model(None)
        == resolve_model(Path(DEFAULT))
        == (
            shipped_weights().path,
            shipped_weights().sha256,
        )
    )


@pytest.mark.parametrize("name", shipped_names())
def test_the_file_is_the_cards_and_below_40_megabytes(name: str) -> None:
    shipped = shipped_weights(name)
    metadata = Detector.load(Path(name), "cpu").metadata
    assert shipped.path.stat().st_size < 40e6 and metadata.store == "fp16" and metadata.calibrated
    assert (metadata.name, metadata.version) == (name, shipped.card["version"])
    assert metadata.source_checkpoint_sha256 == shipped.card["source_checkpoint_sha256"]
    assert metadata.license == shipped.card["license"] and "research use" in metadata.license


@pytest.mark.parametrize("name", shipped_names())
def test_the_card_says_what_the_weights_are_for_and_what_they_miss(name: str) -> None:
    page = page_of(name)
    assert "**These weights " in page.partition("\n## ")[0]
    assert shipped_weights(name).sha256 in page and shipped_weights(name).card["license"] in page
    assert "## What they do not detect" in page


def test_the_licence_is_said_everywhere() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from scanner.cli import main; main()", "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shipped_weights().card["license"] in said and shipped_weights().sha256 in said
    assert "research" in (WEIGHTS_DIR.parent / "WEIGHTS-LICENSE").read_text(encoding="utf-8")
    assert "for research use only" in README


def test_the_readmes_error_rates_are_the_cards() -> None:
    by_source = shipped_weights().card["evaluation"]["by_source"]
    rows = re.findall(
        r"^\| ([\w-]+) \| [^|]* \| ([\d.]+) \[[^|]* \| ([\d.]+) %[^|]* \| \**([\d.]+) %", README, re.M
    )
    assert len(rows) >= 3
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
    assert [result.error for result in found.values() if result.status is not Status.OK] == [
        ErrorCode.NO_FACE
    ]
    assert sorted(len(result.findings) for result in found.values()) == [0, *[1] * 7, 3]
    excerpt = README.partition("```csv\n")[2].partition("```")[0]
    rows = list(csv.DictReader(io.StringIO(excerpt)))
    assert len(rows) >= 3
    for row in rows:
        result = found[row["path"]]
        assert row["sha256"] == result.sha256
        assert row["model"] == (detector.sha256[:12] if result.status is Status.OK else "")
        # Another processor may move the last digits.
        assert float(row["prob_fake"] or 0) == pytest.approx(result.prob_fake or 0, abs=1e-3)


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
    from train.recipes import TRANSFER

    crops = [
        law_of(detector.spec).of_file(path.read_bytes(), detector.spec, 10**9).crops[0].pixels
        for path in sorted(SAMPLES.rglob("real/*.jpg"))
    ]
    size = detector.spec.size
    pixels = np.frombuffer(b"".join(crops), np.uint8).reshape(-1, size, size, 3)
    network = starting_network("shipped", TRANSFER, detector.metadata.network)[0].eval()
    with torch.inference_mode():
        batch = torch.tensor(pixels).permute(0, 3, 1, 2).float() / 255
        logits = network(normalize(batch, list(IMAGENET_MEAN), list(IMAGENET_STD)))[:, 0].numpy()
    np.testing.assert_allclose(logits, detector.score(pixels).logit, atol=2e-3)

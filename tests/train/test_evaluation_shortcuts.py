"""The probe finds a difference that is no face, and does not invent one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.contract import Label
from train.datasets.tree import LabelledImage
from train.evaluation.shortcuts import FEATURES, features, probe


def tree(folder: Path, qualities: dict[Label, int], count: int = 15) -> list[LabelledImage]:
    rng = np.random.default_rng(0)
    images = []
    for number in range(count):
        for label, quality in qualities.items():
            coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
            path = folder / f"{label.title}{number}.jpg"
            coarse.resize((64, 64), Image.Resampling.BICUBIC).save(path, quality=quality)
            images.append(LabelledImage(path, path.name, label, None, f"g{number}"))
    return images


def test_a_class_saved_with_another_quality_is_given_away(tmp_path: Path) -> None:
    result = probe(tree(tmp_path, {Label.REAL: 95, Label.FAKE: 60}))
    assert result.auc == 1.0
    assert result.images == 30
    assert result.weights["mean luma quantisation"] > 0 > result.weights["log bytes"]


@pytest.mark.slow
def test_classes_that_differ_in_nothing_are_near_chance(tmp_path: Path) -> None:
    result = probe(tree(tmp_path, {Label.REAL: 80, Label.FAKE: 80}, count=40))
    assert result.auc is not None and 0.25 < result.auc < 0.75


def test_each_source_of_both_classes_has_a_figure_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    given_away = tree(tmp_path / "a", {Label.REAL: 95, Label.FAKE: 60})
    one_class = [image for image in tree(tmp_path / "b", {Label.REAL: 95, Label.FAKE: 60}) if image.label]
    images = [replace(image, source="a") for image in given_away] + [
        replace(i, source="b") for i in one_class
    ]
    assert probe(images).by_source == {"a": 1.0}


def test_too_few_groups_give_no_figure(tmp_path: Path) -> None:
    assert probe(tree(tmp_path, {Label.REAL: 95, Label.FAKE: 60}, count=3)).auc is None


def test_images_that_do_not_decode_are_left_out(tmp_path: Path) -> None:
    images = tree(tmp_path, {Label.REAL: 95, Label.FAKE: 60})
    images[0].path.write_bytes(b"no picture")
    assert features(images[0]) is None
    assert probe(images).images == 29


def test_features_of_a_png_have_no_quantisation(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("RGB", (40, 20), (100, 100, 100)).save(path)
    row = dict(zip(FEATURES, features(LabelledImage(path, "grey.png", Label.REAL)), strict=True))
    assert row["mean luma quantisation"] == row["saturation"] == 0.0
    assert row["contrast"] < 1e-12
    assert row["aspect"] == 2.0

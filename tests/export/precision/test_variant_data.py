"""The pictures that a variant's ranges and losses come from."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from precision_variants import METADATA, options, save, small_network

from export import variant_check
from export.variant_check import compare, quantization_sample
from export.variants import export_variant
from models.contract import (
    IMAGE_SIZE,
    InputSpec,
    Label,
)
from models.preprocessing import preprocess
from models.preprocessing.laws import law_of
from models.support.errors import DataError, ModelFileError, OutputError
from train.datasets.tree import Role, divide, read_tree


def test_ranges_come_from_fit_images_half_real_half_fake(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    law = law_of(InputSpec())

    def noting(content: bytes, *rest: Any) -> Any:
        read.append(next(path for path in data.rglob("*.png") if path.read_bytes() == content))
        return law.of_file(content, *rest)

    monkeypatch.setattr(variant_check, "law_of", lambda spec: law._replace(of_file=noting))
    sample = quantization_sample(data, 11)
    assert sample.pixels.shape == (11, IMAGE_SIZE, IMAGE_SIZE, 3) and sample.pixels.dtype == np.uint8
    fit = {image.path for image in divide(read_tree(data, "train"))[Role.FIT]}
    assert fit < {image.path for image in read_tree(data, "train")}, "the tree has no other role"
    assert set(read) <= fit and len(set(read)) == 11
    assert Counter(path.parent.name for path in read) == {"Real": 5, "Fake": 6}
    assert np.array_equal(quantization_sample(data, 11).pixels, sample.pixels)
    assert not np.array_equal(quantization_sample(data, 11, seed=1).pixels, sample.pixels)


def test_sources_take_turns_in_the_ranges(data: Path, tmp_path: Path) -> None:
    tree = tmp_path / "faces"
    shutil.copytree(data, tree)
    fit = divide(read_tree(tree, "train"))[Role.FIT]
    rare = {image.relative for label in Label for image in [i for i in fit if i.label is label][:2]}
    rows = [f"{i.relative},{i.label.title},{'rare' if i.relative in rare else 'common'}" for i in fit]
    (tree / "manifest.csv").write_text("path,label,source\n" + "\n".join(rows) + "\n")
    pixels = {quantization_sample(tree, 8).pixels[n].tobytes() for n in range(8)}
    wanted = {preprocess((tree / relative).read_bytes())[0].tobytes() for relative in rare}
    assert wanted <= pixels


def test_unreadable_images_are_counted_and_too_few_are_refused(data: Path, tmp_path: Path) -> None:
    tree = tmp_path / "faces"
    shutil.copytree(data, tree)
    broken = [image.path for image in divide(read_tree(tree, "train"))[Role.FIT]][::3]
    for file in broken:
        file.write_bytes(b"broken" + file.name.encode() + file.parent.name.encode())
    sample = quantization_sample(tree, 12)
    assert len(sample.pixels) == 12 and sample.unreadable > 0
    with pytest.raises(
        DataError, match=r"usable Real images of role fit, --calibration-images 400 wants 200"
    ):
        quantization_sample(tree, 400)


def test_small_sources_have_no_figure_of_their_own(
    reference: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "faces"
    shutil.copytree(data, tree)
    images = read_tree(tree, "validation")
    rows = [f"{i.relative},{i.label.title},{'few' if n % 8 < 3 else 'many'}" for n, i in enumerate(images)]
    (tree / "manifest.csv").write_text("path,label,source\n" + "\n".join(rows) + "\n")
    monkeypatch.setattr(variant_check, "MIN_OF_A_CLASS", 4)
    found = compare(reference, reference, tree, "cpu")
    assert set(found.sources) == {"many"} and found.sources["many"].images == 10
    assert found.all == replace(
        found.all, images=16, delta_auc=0.0, max_abs_delta_p=0.0, mean_abs_delta_p=0.0
    )
    assert found.device == "cpu (CPUExecutionProvider)" and found.not_scored == found.lost == 0


@pytest.mark.slow
def test_a_file_that_is_no_reference_is_a_sentence(reference: Path, data: Path, tmp_path: Path) -> None:
    make = partial(export_variant, out=tmp_path / "out.onnx", options=options("int8", data))
    with pytest.raises(ModelFileError, match="does not exist"):
        make(tmp_path / "none.onnx")
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    with pytest.raises(ModelFileError, match="not a readable ONNX file"):
        make(text)
    already = save(small_network(), tmp_path / "already.onnx", replace(METADATA, precision="fp16"))
    with pytest.raises(ModelFileError, match="is itself a variant"):
        make(already)
    with pytest.raises(OutputError, match="is the source itself"):
        export_variant(reference, reference, options("int8", data))
    assert not (tmp_path / "out.onnx").exists()

"""Deletion and sanity on toy pictures: what is greyed, what is counted, what is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cam_onnx import with_cam
from click.testing import CliRunner
from PIL import Image
from tiny_onnx import write_tiny_model

from bench.heat_maps import deletion, elsewhere, greyed, in_turns, main, shuffled
from models.contract import Label, ModelMetadata
from scanner import Detector
from train.datasets.tree import LabelledImage


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``logit = (mean of the pixels - 128) / 32``, by 4 × 4 cells."""
    file = tmp_path_factory.mktemp("cam") / "bright.onnx"
    return with_cam(write_tiny_model(file, ModelMetadata("bright", "3", "fake")))


def spotted() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Black, and white in the second cell of the third row."""
    pixels = np.zeros((1, 260, 260, 3), np.uint8)
    pixels[:, 130:195, 65:130] = 255
    return pixels


def test_the_cells_are_where_the_map_has_them() -> None:
    done = greyed(spotted(), np.array([9]), (4, 4))
    assert set(np.unique(done)) == {0, 128} and (done != spotted()).sum() == 65 * 65 * 3
    nine = greyed(spotted(), np.arange(81), (9, 9))
    assert (nine == 128).all()


def test_a_soft_edge_is_a_gradient() -> None:
    soft = greyed(np.zeros((1, 260, 260, 3), np.uint8), np.array([5]), (4, 4), 6.0)
    row = soft[0, 97, :, 0].astype(int)
    assert row[97] == 128 and row[0] == 0 and 0 < row[65] < 128
    assert np.abs(np.diff(row)).max() < 16


def test_the_hottest_cells_lower_the_logit_and_the_coldest_raise_it(model: Path) -> None:
    detector = Detector.load(model, "cpu")
    found = deletion(detector, spotted(), np.random.default_rng(0), 0.5)
    one_cell = 1 / 16 / 32
    # Two of sixteen cells: the white one loses 127, a black one gains 128.
    assert found.hottest == pytest.approx((127 - 128) * one_cell, abs=1e-4)
    assert found.coldest == pytest.approx(-2 * 128 * one_cell, abs=1e-4)
    assert found.coldest <= found.random <= found.hottest and not found.flagged
    assert found.coldest <= found.moved <= found.hottest


def test_a_pattern_moves_as_a_whole_and_stays_inside() -> None:
    chosen, generator = np.array([0, 1, 5]), np.random.default_rng(0)
    places = {tuple(elsewhere(chosen, (4, 4), generator)) for _ in range(100)}
    assert places == {
        (4 * row + column, 4 * row + column + 1, 4 * row + column + 5)
        for row in range(3)
        for column in range(3)
    }


def test_sources_take_turns() -> None:
    names = ["a"] * 5 + ["b"] * 2
    images = [LabelledImage(Path(f"{n}.png"), f"{n}.png", Label.FAKE, source=s) for n, s in enumerate(names)]
    order = [image.source for image in in_turns(images, 0)]
    assert order == ["a", "b", "a", "b", "a", "a", "a"]
    assert {image.relative for image in in_turns(images, 1)} == {image.relative for image in images}


def test_shuffled_weights_are_the_same_numbers() -> None:
    import onnx
    from onnx import numpy_helper

    tensor = np.arange(12, dtype=np.float32).reshape(3, 4)
    constants = {"weight": tensor, "axes": np.array([2, 3]), "bias": np.arange(3, dtype=np.float32)}
    model = onnx.ModelProto()
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    found = {one.name: numpy_helper.to_array(one) for one in shuffled(model, 0).graph.initializer}
    assert sorted(found["weight"].ravel()) == sorted(tensor.ravel())
    assert (found["weight"] != tensor).any() and found["weight"].shape == (3, 4)
    assert (found["axes"] == [2, 3]).all() and (found["bias"] == [0, 1, 2]).all()


def test_the_page_has_the_table_and_a_model_without_maps_is_a_sentence(model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for label in Label:
        folder = data / "validation" / label.title
        folder.mkdir(parents=True)
        for number in range(3):
            noise = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
            Image.fromarray(noise).save(folder / f"{number}.png")
    done = CliRunner().invoke(main, [str(data), "--model", str(model), "--pictures", "2"])
    assert done.exit_code == 0, done.output
    assert (
        "| all | hard | 2 |" in done.output
        and "| all | soft | 2 |" in done.output
        and "Floor of 90%" in done.output
    )
    plain = write_tiny_model(tmp_path / "plain.onnx", ModelMetadata("bright", "3", "fake"))
    refused = CliRunner().invoke(main, [str(data), "--model", str(plain)])
    assert refused.exit_code == 1 and "has no output cam" in refused.output

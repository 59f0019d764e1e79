from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from models.contract import Label
from train.datasets.looks import Look, look_columns, look_of, measure, nearest, standardised, table
from train.datasets.tree import LabelledImage


def picture(side: int, blur: float = 0.0) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur))


def labelled(look: Look | None, label: Label = Label.REAL, source: str | None = "camera") -> LabelledImage:
    return LabelledImage(Path("x"), "x", label, source, look=look)


def test_blur_size_and_compression_are_told_apart() -> None:
    sharp, soft = (measure(picture(260, blur), file_bytes=8450, pixels=67_600) for blur in (0.0, 2.0))
    assert sharp.sharpness > soft.sharpness + 1
    assert (sharp.size, sharp.compression) == (soft.size, soft.compression) == (pytest.approx(8.0224), 0.0)
    assert measure(picture(130), file_bytes=8450, pixels=67_600).size == pytest.approx(7.0224)
    assert measure(Image.new("RGB", (9, 9)), file_bytes=1, pixels=81).sharpness == pytest.approx(-3.3219)


def test_a_look_comes_back_from_a_list_exactly() -> None:
    look = measure(picture(200, 1.0), file_bytes=12_345, pixels=40_000)
    assert look_of(dict(zip(("sharpness", "size", "compression"), look_columns(look), strict=True))) == look
    assert look_of({"sharpness": ""}) is None and look_columns(None) == ("", "", "")


def test_every_measure_weighs_the_same() -> None:
    images = [labelled(Look(s, 7 + 100 * s, -s)) for s in (0.0, 1.0, 2.0)] + [labelled(None)]
    rows = standardised(images)
    assert np.allclose(rows[:3].mean(axis=0), 0) and np.allclose(rows[:3].std(axis=0), 1)
    assert not rows[3].any(), "an image without a look is an average one"
    assert not standardised([labelled(None)]).any()
    assert nearest(rows[0], rows[:3], 1).tolist() == [0]
    assert nearest(rows[2], rows, 9).tolist() == [0, 1, 2, 3]


def test_the_table_names_every_source_and_how_far_apart_the_classes_are() -> None:
    images = [labelled(Look(1.0, 8.0, 0.0)), labelled(Look(3.0, 8.0, 0.0), Label.FAKE, "gan"), labelled(None)]
    lines = table(images)
    assert lines[1].split() == ["camera", "Real", "1", "2.0", "256", "1.00"]
    assert lines[2].split() == ["gan", "Fake", "1", "8.0", "256", "1.00"]
    assert lines[-1] == (
        "the classes' medians are apart by 2.00 deviations in sharpness, 0.00 deviations in size, "
        "0.00 deviations in compression"
    )

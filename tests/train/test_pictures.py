from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.contract import Label
from models.support.errors import DataError
from train.datasets.decoded_store import Pictures, read_rgb
from train.datasets.tree import LabelledImage


@pytest.fixture
def images(tmp_path: Path) -> list[LabelledImage]:
    made = []
    for number in range(40):
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 256, (3 + number % 5, 4 + number % 3, 3), np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        made.append(LabelledImage(path, path.name, Label.REAL))
    return made


def without_files(images: list[LabelledImage]) -> list[LabelledImage]:
    return [replace(image, path=Path("gone.png")) for image in images]


def test_what_is_kept_comes_back_without_its_file(images: list[LabelledImage]) -> None:
    pictures = Pictures(10**6)
    pictures.fill(images, workers=4)
    assert len(pictures) == 40
    for image, gone in zip(images, without_files(images), strict=True):
        kept, read = pictures.read(gone), read_rgb(image)
        assert (kept.mode, kept.size, kept.tobytes()) == ("RGB", read.size, read.tobytes())


def test_threads_may_keep_at_once(images: list[LabelledImage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "train.datasets.decoded_store._SLAB_BYTES", 200
    )  # many slabs, and pictures at their ends
    pictures = Pictures(10**6)
    read = [read_rgb(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pictures.keep, images, read))
    for image, rgb in zip(without_files(images), read, strict=True):
        assert pictures.read(image).tobytes() == rgb.tobytes()


def test_the_limit_holds_and_the_rest_is_read_from_files(images: list[LabelledImage]) -> None:
    pictures = Pictures(500)
    pictures.fill(images, workers=1)
    assert 0 < len(pictures) < 40 and pictures.bytes <= 500
    for image in images:
        assert pictures.read(image).tobytes() == read_rgb(image).tobytes()


def test_nothing_is_kept_at_limit_zero(images: list[LabelledImage]) -> None:
    pictures = Pictures(0)
    pictures.fill(images, workers=1)
    assert (len(pictures), pictures.bytes) == (0, 0)


def test_by_default_half_of_the_available_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.datasets.decoded_store.available_memory", lambda: 1000)
    assert Pictures().limit == 500
    monkeypatch.setattr("train.datasets.decoded_store.available_memory", lambda: None)
    assert Pictures().limit == 0


def test_a_picture_that_cannot_be_read_is_named_when_it_is_wanted(images: list[LabelledImage]) -> None:
    images[3].path.write_bytes(b"no image")
    pictures = Pictures(10**6)
    pictures.fill(images, workers=2)
    assert len(pictures) == 39 and images[3] not in pictures
    with pytest.raises(DataError, match=r"3\.png could be read before training and no longer"):
        pictures.read(images[3])


def test_a_worker_that_is_not_forked_reads_the_files(images: list[LabelledImage]) -> None:
    pictures = Pictures(10**6)
    pictures.fill(images, workers=1)
    elsewhere = pickle.loads(pickle.dumps(pictures))  # noqa: S301 - our own bytes
    assert len(elsewhere) == 0
    assert elsewhere.read(images[0]).tobytes() == read_rgb(images[0]).tobytes()

"""The pictures of the measurement: made here, the same ones each time, with the detail of a photo."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter


@dataclass(frozen=True)
class Kind:
    """One kind of file."""

    name: str
    width: int
    height: int
    format: str
    different: int
    """Pictures that are made; further files are further names of the same ones."""
    options: dict[str, Any] = field(default_factory=dict)


JPEG = Kind("256×256 JPEG", 256, 256, "JPEG", 512, {"quality": 90})
BIG = Kind("12-megapixel JPEG", 4000, 3000, "JPEG", 4, {"quality": 90})
PNG = Kind("256×256 PNG", 256, 256, "PNG", 128)
WEBP = Kind("256×256 WebP", 256, 256, "WEBP", 128, {"quality": 90})


def make_pictures(folder: Path, kind: Kind, count: int) -> list[Path]:
    """``count`` files of a kind."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    paths: list[Path] = []
    for number in range(count):
        path = folder / f"{number:05}.{kind.format.lower()}"
        if number < kind.different:
            photo(rng, kind.width, kind.height).save(path, kind.format, **kind.options)
        else:
            os.link(paths[number % kind.different], path)
        paths.append(path)
    return paths


def photo(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Smoothed noise of several scales; above 256 pixels the finest is as faint as a sensor's own noise."""
    picture = Image.new("RGB", (width, height), (128, 128, 128))
    layers = [(cells, cells, 0.35) for cells in (4, 16, 64, 256)]
    if width > 256:
        layers += [(1024, 1024, 0.2), (height, width, 0.07)]
    for rows, columns, weight in layers:
        noise = Image.fromarray(rng.integers(0, 256, (rows, columns, 3), dtype=np.uint8))
        layer = noise.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(0.7))
        picture = Image.blend(picture, layer, weight)
    return picture


def first(paths: list[Path], count: int) -> list[Path]:
    """``count`` of these files, from the beginning again where there are fewer."""
    return list(islice(cycle(paths), count))

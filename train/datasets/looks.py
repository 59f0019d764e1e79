"""What a picture looks like apart from what it shows: sharpness, size and compression.

Where the classes differ in these, a network learns them instead of forgeries. Couples are made of like pictures
(:mod:`train.datasets.couples`), and a table of the classes is printed before a run.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.contract import IMAGE_SIZE, Label

if TYPE_CHECKING:
    from train.datasets.tree import LabelledImage

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """Of the part of a picture that is judged."""

    sharpness: float
    """log2 of the mean absolute Laplacian of its grey values (0 to 255) at the network's input size."""
    size: float
    """log2 of its shorter side in pixels."""
    compression: float
    """log2 of the file's bits per pixel of the whole picture."""


_DECIMALS = 4
"""Of what is measured, too: a resumed run reads it back from its list."""

LOOK_COLUMNS = ("sharpness", "size", "compression")
"""Of a run's list of images."""


def look_columns(look: Look | None) -> tuple[str, ...]:
    """``look`` as the columns say it."""
    return (
        tuple(f"{value:.{_DECIMALS}f}" for value in astuple(look))
        if look is not None
        else ("",) * len(LOOK_COLUMNS)
    )


def look_of(row: Mapping[str, str]) -> Look | None:
    """The look in a row; ``ValueError`` where it is none."""
    texts = [row.get(name) or "" for name in LOOK_COLUMNS]
    return Look(*(float(text) for text in texts)) if any(texts) else None


def sharpness(judged: Image.Image) -> float:
    """As :attr:`Look.sharpness`; ``judged`` is what the network would see, unresized."""
    grey = np.asarray(
        judged.convert("L").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR), dtype=np.float32
    )
    laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return round(math.log2(float(np.abs(laplacian).mean()) + 0.1), _DECIMALS)


def measure(judged: Image.Image, *, file_bytes: int, pixels: int) -> Look:
    """``judged`` is what the network would see, unresized; ``pixels`` are those of the whole picture."""
    return Look(
        sharpness=sharpness(judged),
        size=round(math.log2(min(judged.size)), _DECIMALS),
        compression=round(math.log2(8 * file_bytes / pixels), _DECIMALS),
    )


def standardised(images: Sequence[LabelledImage]) -> Float64s:
    """``float64[N, 3]``, each column with mean 0 and deviation 1 over the images; zeros where none has a look."""
    rows = np.array([astuple(image.look) if image.look else (math.nan,) * 3 for image in images]).reshape(
        -1, 3
    )
    known = ~np.isnan(rows).any(axis=1)
    if not known.any():
        return np.zeros_like(rows)
    spread = rows[known].std(axis=0)
    return np.asarray(np.nan_to_num((rows - rows[known].mean(axis=0)) / np.where(spread > 0, spread, 1)))


def nearest(wanted: Float64s, offered: Float64s, count: int) -> npt.NDArray[np.int64]:
    """Positions in ``offered`` (``float64[M, 3]``) of the ``count`` looks nearest to ``wanted`` (``float64[3]``)."""
    distances = np.square(offered - wanted).sum(axis=1)
    if count >= len(distances):
        return np.arange(len(distances))
    return np.sort(np.argpartition(distances, count)[:count])


def table(images: Iterable[LabelledImage]) -> list[str]:
    """Lines for the user: the median look of each source and class, and how far apart the classes are in all."""
    cells: dict[tuple[str, Label], list[tuple[float, ...]]] = defaultdict(list)
    classes: dict[Label, list[tuple[float, ...]]] = defaultdict(list)
    for image in images:
        if image.look is not None:
            cells[image.source or "no source", image.label].append(astuple(image.look))
            classes[image.label].append(astuple(image.look))
    lines = [
        f"{'look (medians)':24} {'class':5} {'images':>7} {'sharpness':>9} {'side px':>8} {'bits/px':>8}"
    ]
    for (source, label), rows in sorted(cells.items()):
        lines.append(_line(source, label, rows))
    lines += [_line("all", label, rows) for label, rows in sorted(classes.items())]
    if len(classes) == len(Label):
        real, fake = (np.array(classes[label]) for label in Label)
        spread = np.concatenate([real, fake]).std(axis=0)
        apart = np.abs(np.median(real, axis=0) - np.median(fake, axis=0)) / np.where(spread > 0, spread, 1)
        lines.append(
            "the classes' medians are apart by "
            + ", ".join(f"{d:.2f} deviations in {name}" for d, name in zip(apart, LOOK_COLUMNS, strict=True))
        )
    return lines


def _line(source: str, label: Label, rows: Sequence[tuple[float, ...]]) -> str:
    sharpness, size, compression = np.exp2(np.median(np.array(rows), axis=0))
    return f"{source:24} {label.title:5} {len(rows):7} {sharpness:9.1f} {size:8.0f} {compression:8.2f}"

"""The images of the parity proof: varied, made by code, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from models.contract import IMAGE_SIZE
from models.preprocessing import to_input

Pixels = npt.NDArray[np.uint8]


def proof_images(seed: int = 0) -> Pixels:
    """``uint8[32, 260, 260, 3]``: flat colours, gradients, edges, waves, noise, and blends of them."""
    generator = np.random.default_rng(seed)
    simple = [*_flat(), *_gradients(), *_checkerboards(), *_waves(), *_noise(generator)]
    return np.stack([*simple, *_blends(simple, generator, 32 - len(simple))])


def _flat() -> Iterator[Pixels]:
    for colour in ((0, 0, 0), (128, 128, 128), (255, 255, 255), (255, 0, 0), (224, 172, 140)):
        yield np.broadcast_to(np.array(colour, dtype=np.uint8), (IMAGE_SIZE, IMAGE_SIZE, 3)).copy()


def _gradients() -> Iterator[Pixels]:
    ramp = np.linspace(0, 255, IMAGE_SIZE)
    across, down = np.meshgrid(ramp, ramp)
    yield _rgb(across, across, across)
    yield _rgb(across, down, 255 - across)
    yield _rgb(*[np.hypot(across - 128, down - 128)] * 3)


def _checkerboards() -> Iterator[Pixels]:
    rows, columns = np.indices((IMAGE_SIZE, IMAGE_SIZE))
    for edge in (1, 8, 32):
        board = (rows // edge + columns // edge) % 2 * 255.0
        yield _rgb(board, board, board)


def _waves() -> Iterator[Pixels]:
    rows, columns = np.indices((IMAGE_SIZE, IMAGE_SIZE))
    for period in (3, 17, 90):
        phase = 2 * np.pi / period
        yield _rgb(*(127.5 * (1 + np.sin(phase * steps)) for steps in (columns, rows, rows + columns)))


def _noise(generator: np.random.Generator) -> Iterator[Pixels]:
    for _ in range(2):
        yield generator.integers(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    for radius in (1, 4):
        sharp = Image.fromarray(generator.integers(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8))
        yield np.asarray(sharp.filter(ImageFilter.GaussianBlur(radius)))
    for cells in (4, 9, 20, 60):
        # Enlarged by the law itself, as pictures of that size are.
        yield to_input(Image.fromarray(generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)))


def _blends(simple: list[Pixels], generator: np.random.Generator, count: int) -> Iterator[Pixels]:
    for _ in range(count):
        first, second = generator.choice(len(simple), 2, replace=False)
        share = generator.uniform(0.2, 0.8)
        yield np.round(share * simple[first] + (1 - share) * simple[second]).astype(np.uint8)


def _rgb(*channels: npt.NDArray[np.floating[Any]]) -> Pixels:
    return np.clip(np.round(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)

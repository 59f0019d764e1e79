"""The scale of colours, an overlay's pixels, and the folder's rules."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.support.errors import OutputError
from scanner.heat_maps.colours import FAKE, FULL, MOST_OPAQUE, REAL, WORDS, cells, cells_uri, rgba
from scanner.heat_maps.folder import OverlayFolder, overlay_name
from scanner.heat_maps.overlay import EDGE, overlay

SHA = "ab" * 32


def shown(value: float, others: float = 0.0) -> Image.Image:
    """Grey under a map of 4 × 4 cells, the first of which has ``value``."""
    rows = [[others] * 4 for _ in range(4)]
    rows[0][0] = value
    grid = tuple(tuple(row) for row in rows)
    return Image.open(io.BytesIO(overlay(bytes([128]) * (20 * 20 * 3), 20, grid, 1.0, 0.7))).convert("RGB")


def test_the_scale_is_signed_fixed_and_ends() -> None:
    assert rgba(0.0)[3] == 0
    assert rgba(FULL) == rgba(FULL * 5) == (*FAKE, MOST_OPAQUE)
    assert rgba(-FULL) == rgba(-FULL * 5) == (*REAL, MOST_OPAQUE)
    opacity = [rgba(FULL * step / 10)[3] for step in range(11)]
    assert opacity == sorted(set(opacity)) == [rgba(-FULL * step / 10)[3] for step in range(11)]


@pytest.mark.parametrize("value", [0.02, 3.0, -3.0, FULL])
def test_a_cells_colour_does_not_depend_on_the_others(value: float) -> None:
    alone, beside = (shown(value, others).getpixel((30, 30)) for others in (0.0, 8 * FULL))
    assert alone == beside
    red, _, blue = np.asarray(alone, int)
    strength = abs(value) / FULL * MOST_OPAQUE / 255
    target = FAKE if value > 0 else REAL
    assert red == pytest.approx(128 + strength * (target[0] - 128), abs=2)
    assert blue == pytest.approx(128 + strength * (target[2] - 128), abs=2)


def test_the_grid_is_visible_and_the_words_are_there() -> None:
    image = shown(0.0)
    step = EDGE // 4
    assert image.getpixel((step, 30)) != image.getpixel((step + 5, 30)) == (128, 128, 128)
    assert image.getpixel((30, 2 * step)) != (128, 128, 128)
    assert image.width == EDGE < image.height
    below = np.asarray(image.crop((0, EDGE, EDGE, image.height)))
    assert (below == 255).any() and (below < 60).any()
    assert WORDS == "where this model's score came from; not where the picture was changed"


def test_an_overlay_is_the_same_each_time() -> None:
    grid = ((1.0, -2.0), (0.0, 30.0))
    first, second = (overlay(bytes(range(12)), 2, grid, 0.5, 0.6) for _ in range(2))
    assert first == second


def test_cells_are_one_pixel_each_also_for_pages() -> None:
    grid = ((1.0, -2.0, 0.0), (0.0, 30.0, 5.0))
    image = Image.open(io.BytesIO(base64.b64decode(cells_uri(grid).partition(",")[2])))
    assert image.size == (3, 2) and image.tobytes() == cells(grid).tobytes()
    assert image.getpixel((1, 1)) == rgba(30.0)


def test_a_folder_with_overlays_alone_is_used_again(tmp_path: Path) -> None:
    folder = OverlayFolder(tmp_path / "maps")
    assert not folder.path.exists()
    folder.make()
    folder.write(SHA, 12, b"png")
    (folder.path / f".{SHA}-12.png.99.part").write_bytes(b"of a scan that was killed")
    again = OverlayFolder(tmp_path / "maps")
    again.make()
    again.write(SHA, 12, b"newer")
    assert (folder.path / overlay_name(SHA, 12)).read_bytes() == b"newer"
    assert overlay_name(SHA, 12) == f"{SHA}-12.png"


@pytest.mark.parametrize("name", ["photo.png", f"{SHA}.png", f"{SHA}-1.jpg", f"{SHA}-1.png.txt", "sub"])
def test_a_folder_with_anything_else_is_refused(name: str, tmp_path: Path) -> None:
    if name == "sub":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(b"evidence")
    with pytest.raises(OutputError, match=f"holds {name}, which is no heat map"):
        OverlayFolder(tmp_path)


def test_a_write_that_fails_leaves_nothing_half(tmp_path: Path) -> None:
    folder = OverlayFolder(tmp_path / "maps")
    with pytest.raises(OutputError, match="cannot be written"):
        folder.write(SHA, 1, b"png")
    assert list(tmp_path.iterdir()) == []

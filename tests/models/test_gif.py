"""GIF: palettes, transparency, interlacing and frames that do not cover the screen."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from gif_files import gif

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

HEIGHT, WIDTH = 13, 21
SCREEN, AT = (27, 17), (3, 2)
RANDOM = np.random.default_rng(9)
DEPTHS = [1, 2, 4, 8]


def rgb_of(data: bytes) -> npt.NDArray[Any]:
    return np.asarray(decode_image(data).rgb).astype(int)


def colours(bits: int) -> npt.NDArray[Any]:
    return RANDOM.integers(0, 256, (1 << bits, 3))


def packed(table: npt.NDArray[Any]) -> bytes:
    return table.astype(np.uint8).tobytes()


def on_screen(picture: npt.NDArray[Any], around: npt.NDArray[Any] | int) -> npt.NDArray[Any]:
    screen = np.zeros((*SCREEN[::-1], 3), int) + around
    screen[AT[1] : AT[1] + HEIGHT, AT[0] : AT[0] + WIDTH] = picture
    return screen


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", DEPTHS)
def test_palettes_of_the_file_and_of_the_frame(bits: int, interlaced: bool) -> None:
    table, own = colours(bits), colours(bits)
    ramp = np.repeat(np.arange(1 << bits)[:, None], 3, axis=1)
    indices = RANDOM.integers(0, 1 << bits, (HEIGHT, WIDTH))
    for palette, own_palette, shown in (
        (table, None, table),
        (None, own, own),
        (table, own, own),
        (ramp, None, ramp),
        (table, ramp, ramp),
        (ramp, own, own),
    ):
        data = gif(
            indices,
            bits,
            palette=packed(palette) if palette is not None else b"",
            own_palette=packed(own_palette) if own_palette is not None else b"",
            interlaced=interlaced,
        )
        np.testing.assert_array_equal(rgb_of(data), shown[indices])
    data = gif(indices, bits, palette=packed(table), interlaced=interlaced)
    np.testing.assert_array_equal(imagecodecs.gif_decode(data).reshape(HEIGHT, WIDTH, 3), rgb_of(data))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("bits", DEPTHS)
def test_the_transparent_colour_is_white(bits: int, grey: bool) -> None:
    table = np.repeat(np.arange(1 << bits)[:, None], 3, axis=1) if grey else colours(bits)
    indices = RANDOM.integers(0, 1 << bits, (HEIGHT, WIDTH))
    shown = np.where((indices == 1)[..., None], 255, table[indices])
    np.testing.assert_array_equal(rgb_of(gif(indices, bits, palette=packed(table), transparent=1)), shown)
    for name in ("palette", "own_palette"):
        data = gif(indices, bits, transparent=1, screen=SCREEN, at=AT, **{name: packed(table)})
        np.testing.assert_array_equal(rgb_of(data), on_screen(shown, 255))


@pytest.mark.parametrize("bits", DEPTHS)
def test_around_a_frame_is_the_background_or_the_file_is_refused(bits: int) -> None:
    table, own = colours(bits), colours(bits)
    indices = RANDOM.integers(0, 1 << bits, (HEIGHT, WIDTH))
    data = gif(indices, bits, palette=packed(table), screen=SCREEN, at=AT)
    np.testing.assert_array_equal(rgb_of(data), on_screen(table[indices], table[0]))
    for options in (
        {"palette": packed(table), "background": 1},
        {"palette": packed(table), "own_palette": packed(own)},
        {"own_palette": packed(own)},
    ):
        with pytest.raises(ImageError) as caught:
            decode_image(gif(indices, bits, screen=SCREEN, at=AT, **options))
        assert caught.value.code is ErrorCode.UNSUPPORTED_MODE and caught.value.format == "GIF"
        assert (
            caught.value.facts is not None and (caught.value.facts.width, caught.value.facts.height) == SCREEN
        )

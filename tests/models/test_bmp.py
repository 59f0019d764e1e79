"""BMP: palettes, runs, bit fields and headers show what they hold, or are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bmp_files import BITFIELDS, RLE4, RLE8, bmp, packed_rows
from reference_law import over_white

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

WIDTH, HEIGHT = 21, 13
SIZE = (WIDTH, HEIGHT)
RANDOM = np.random.default_rng(8)
HEADERS = (12, 40, 52, 56, 64, 108, 124)
RLE = {8: RLE8, 4: RLE4}


def rgb_of(data: bytes) -> npt.NDArray[Any]:
    return np.asarray(decode_image(data).rgb).astype(int)


def code_of(data: bytes) -> ErrorCode:
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    assert caught.value.format == "BMP"
    return caught.value.code


def palette_of(colours: npt.NDArray[Any], entry: int = 4) -> bytes:
    stored = np.zeros((len(colours), entry), np.uint8)
    stored[:, :3] = colours[:, ::-1]
    return stored.tobytes()


def grey(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.repeat(values[:, None], 3, axis=1)


# Palettes


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes_of_any_colours_in_any_header(bits: int, header: int) -> None:
    indices = RANDOM.integers(0, 1 << bits, (HEIGHT, WIDTH))
    ramp = np.arange(1 << bits)
    for colours in (
        RANDOM.integers(0, 256, (1 << bits, 3)),
        grey(ramp * 255 // ramp[-1]),
        grey(ramp),
        grey(255 - ramp),
    ):
        palette = palette_of(colours, 3 if header == 12 else 4)
        for height, rows in ((HEIGHT, indices[::-1]), (-HEIGHT, indices)):
            if header == 12 and height < 0:
                continue
            data = bmp(packed_rows(rows, bits), (WIDTH, height), bits, header=header, palette=palette)
            np.testing.assert_array_equal(rgb_of(data), colours[indices])


@pytest.mark.parametrize(
    ("bits", "colours"),
    [
        (8, [[0, 0, 0], [255, 255, 255]]),
        (4, [[0, 0, 0], [255, 255, 255]]),
        (8, [[0, 0, 0]]),
        (4, [[0, 0, 0], [1, 1, 1], [2, 2, 2]]),
        (8, [[n, n, n] for n in range(16)]),
        (8, [[9, 8, 7], [1, 2, 3], [250, 3, 9]]),
    ],
)
def test_short_palettes_are_not_taken_for_other_pixels(bits: int, colours: list[list[int]]) -> None:
    table = np.array(colours)
    indices = RANDOM.integers(0, len(table), (HEIGHT, WIDTH))
    rows = packed_rows(indices[::-1], bits)
    data = bmp(rows, SIZE, bits, palette=palette_of(table), colours=len(table))
    np.testing.assert_array_equal(rgb_of(data), table[indices])


def test_a_palette_of_too_many_colours_is_as_long_as_it_can_be() -> None:
    colours, indices = RANDOM.integers(0, 256, (300, 3)), RANDOM.integers(0, 256, (HEIGHT, WIDTH))
    rows = packed_rows(indices[::-1], 8)
    np.testing.assert_array_equal(
        rgb_of(bmp(rows, SIZE, 8, palette=palette_of(colours), colours=300)), colours[indices]
    )


# Runs


def runs(indices: npt.NDArray[Any], bits: int, absolute: bool) -> bytes:
    """Each row coded by itself, as runs or (where three pixels are left) as they are."""
    data = b""
    for row in indices.tolist():
        while row:
            if absolute and len(row) >= 3:
                taken, row = row[:7], row[7:]
                pairs = zip(taken[::2], [*taken[1::2], 0], strict=False)
                raw = bytes(taken) if bits == 8 else bytes(one << 4 | other for one, other in pairs)
                data += bytes((0, len(taken))) + raw + bytes(len(raw) % 2)
            else:
                count = next((n for n, value in enumerate(row) if value != row[0]), len(row))
                data += bytes((count, row[0] if bits == 8 else row[0] * 17))
                row = row[count:]
        data += b"\0\0"
    return data + b"\0\1"


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("odd", [False, True])
def test_runs_give_their_pixels_wherever_they_begin(bits: int, absolute: bool, odd: bool) -> None:
    indices = RANDOM.integers(0, 1 << bits, (HEIGHT, 7)).repeat(3, axis=1)
    for colours in (RANDOM.integers(0, 256, (1 << bits, 3)), grey(np.arange(1 << bits))):
        palette = palette_of(colours) + bytes(odd)
        data = bmp(runs(indices[::-1], bits, absolute), SIZE, bits, compression=RLE[bits], palette=palette)
        np.testing.assert_array_equal(rgb_of(data), colours[indices])


@pytest.mark.parametrize("bits", [8, 4])
def test_what_no_run_covers_has_the_first_colour(bits: int) -> None:
    one, colours = (0x11, 0x11) if bits == 8 else (1, 0x11), RANDOM.integers(0, 256, (1 << bits, 3))
    value = one[0]
    cases = {
        b"\x05\x11\0\0" * HEIGHT + b"\0\1": [(slice(None), slice(0, 5))],  # short rows
        b"\x15\x11\0\0" * 4 + b"\0\1": [(slice(9, 13), slice(None))],  # an early end
        b"\x04\x11\0\2\3\2\x04\x11\0\1": [(12, slice(0, 4)), (10, slice(7, 11))],  # a jump
        b"\x1e\x11\0\0" * HEIGHT + b"\0\1": [(slice(None), slice(None))],  # longer than a row
    }
    for codes, covered in cases.items():
        indices = np.zeros((HEIGHT, WIDTH), int)
        for place in covered:
            indices[place] = value
        data = bmp(codes, SIZE, bits, compression=RLE[bits], palette=palette_of(colours))
        np.testing.assert_array_equal(rgb_of(data), colours[indices])


@pytest.mark.parametrize("bits", [8, 4])
def test_runs_that_are_cut_off_are_corrupt(bits: int) -> None:
    codes = runs(RANDOM.integers(0, 16, (HEIGHT, WIDTH)), bits, True)
    palette = palette_of(RANDOM.integers(0, 256, (1 << bits, 3)))
    for kept in (1, 10, len(codes) // 2, len(codes) - 8):
        data = bmp(codes[:kept], SIZE, bits, compression=RLE[bits], palette=palette)
        assert code_of(data) is ErrorCode.CORRUPT_IMAGE


# Whole pixels


@pytest.mark.parametrize("header", HEADERS)
def test_pixels_without_masks(header: int) -> None:
    pixels = RANDOM.integers(0, 1 << 32, (HEIGHT, WIDTH))
    bytes_of = np.stack([pixels >> 16 & 255, pixels >> 8 & 255, pixels & 255], 2)
    fives = np.stack([pixels >> 10 & 31, pixels >> 5 & 31, pixels & 31], 2) * 255 // 31
    for bits, rgb in ((16, fives), (24, bytes_of), (32, bytes_of)):
        data = bmp(packed_rows(pixels[::-1], bits), SIZE, bits, header=header)
        np.testing.assert_array_equal(rgb_of(data), rgb)


MASKS = [
    (16, (0xF800, 0x7E0, 0x1F, 0), True),
    (16, (0x7C00, 0x3E0, 0x1F, 0), True),
    (16, (0xF00, 0xF0, 0xF, 0), False),
    (16, (0x7C00, 0x3E0, 0x1F, 0x8000), False),
    (16, (0xF00, 0xF0, 0xF, 0xF000), False),
    (24, (0xFF0000, 0xFF00, 0xFF, 0), True),
    (32, (0xFF0000, 0xFF00, 0xFF, 0), True),
    (32, (0xFF000000, 0xFF0000, 0xFF00, 0), True),
    (32, (0xFF000000, 0xFF00, 0xFF, 0), True),
    (32, (0xFF, 0xFF00, 0xFF0000, 0), False),
    (32, (0x3FF00000, 0xFFC00, 0x3FF, 0), False),
    (32, (0, 0, 0, 0), False),
    (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), True),
    (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), True),
    (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF), True),
    (32, (0xFF00, 0xFF0000, 0xFF000000, 0xFF), False),
]


@pytest.mark.parametrize(
    ("bits", "masks", "read", "header"),
    [
        (*kind, header)
        for kind in MASKS
        for header in (40, 52, 56, 108, 124)
        if header >= 56 or not kind[1][3]
    ],
)
def test_bit_fields_are_read_rightly_or_refused(
    bits: int, masks: tuple[int, ...], read: bool, header: int
) -> None:
    # The two short headers have no place for the mask of alpha.
    pixels = RANDOM.integers(0, 1 << bits, (HEIGHT, WIDTH))
    stored = masks if header >= 56 else masks[:3]
    for height, rows in ((HEIGHT, pixels[::-1]), (-HEIGHT, pixels)):
        data = bmp(
            packed_rows(rows, bits), (WIDTH, height), bits, header=header, compression=BITFIELDS, masks=stored
        )
        if not read:
            assert code_of(data) is ErrorCode.UNSUPPORTED_MODE
            continue
        fields = [
            (pixels & mask) // (mask & -mask) * 255 // (mask // (mask & -mask)) for mask in masks if mask
        ]
        rgb = np.stack(fields[:3], 2)
        rgb = over_white(rgb, fields[3][..., None]) if masks[3] else rgb
        assert np.abs(rgb_of(data) - rgb).max() <= (1 if masks[3] else 0)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"bits": 2}, ErrorCode.UNSUPPORTED_MODE),
        ({"bits": 64}, ErrorCode.UNSUPPORTED_MODE),
        ({"bits": 24, "compression": 4}, ErrorCode.UNSUPPORTED_FORMAT),
        ({"bits": 24, "compression": 5}, ErrorCode.UNSUPPORTED_FORMAT),
    ],
)
def test_what_pillow_does_not_know_is_said(options: dict[str, int], code: ErrorCode) -> None:
    data = bmp(bytes(4000), SIZE, **options)
    assert code_of(data) is code
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    assert caught.value.facts is not None and caught.value.facts.width == WIDTH
    assert "convert" in caught.value.detail


def test_text_that_begins_like_a_bitmap_is_no_unsupported_one() -> None:
    assert code_of(b"BMW has sold more cars this year than in any other\n") is ErrorCode.CORRUPT_IMAGE

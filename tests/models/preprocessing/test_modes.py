"""Orientation, bit depths and modes become upright RGB."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from made_pictures import LOSSLESS, Encode, code_of, png_chunk
from PIL import Image, ImageCms

from models.error_codes import ErrorCode
from models.preprocessing import (
    ImageFacts,
    decode_image,
    preprocess,
    to_input,
)


def rgb_of(data: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(decode_image(data).rgb)


def grey_tiff(
    rows: npt.NDArray[Any], *, bits: int, format: int = 1, order: str = "<", zero_is: int = 1
) -> bytes:
    """A TIFF of one uncompressed grey strip, of a kind that Pillow cannot write."""
    height, width = rows.shape
    pixels = rows.tobytes()
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, zero_is), (273, 4, 8),
            (277, 3, 1), (278, 4, height), (279, 4, len(pixels)), (339, 3, format)]  # fmt: skip
    directory = struct.pack(order + "H", len(tags))
    for tag, kind, value in tags:
        packed = struct.pack(order + ("HH" if kind == 3 else "L"), *((value, 0) if kind == 3 else (value,)))
        directory += struct.pack(order + "HHL", tag, kind, 1) + packed
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "L", 8 + len(pixels)) + pixels + directory + bytes(4)


# Orientation

UPRIGHT: dict[int, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_and_the_size_is_as_stored(
    format: str, orientation: int, encoded: Encode, quarters: Image.Image
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode_image(encoded(quarters, format, exif=exif, **LOSSLESS[format]))
    assert decoded.facts == ImageFacts(format, 48, 32, 1)
    np.testing.assert_array_equal(np.asarray(decoded.rgb), UPRIGHT[orientation](np.asarray(quarters)))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_reduced_jpeg_is_turned_upright(orientation: int, encoded: Encode, quarters: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = quarters.resize((2400, 1600), Image.Resampling.NEAREST)
    pixels, facts = preprocess(encoded(large, "JPEG", exif=exif, quality=95))
    assert (facts.width, facts.height) == (2400, 1600)
    expected = to_input(Image.fromarray(np.ascontiguousarray(UPRIGHT[orientation](np.asarray(large)))))
    assert np.abs(pixels.astype(int) - expected).mean() < 2


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_means_nothing_is_ignored(
    value: int, encoded: Encode, quarters: Image.Image
) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    np.testing.assert_array_equal(rgb_of(encoded(quarters, "PNG", exif=exif)), np.asarray(quarters))


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_exif_block_costs_the_orientation_alone(encoded: Encode, quarters: Image.Image) -> None:
    data = encoded(quarters, "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")
    np.testing.assert_array_equal(rgb_of(data), np.asarray(quarters))


# More than 8 bits

RAMP16 = np.array([[0, 128, 129, 257, 32767, 32768, 65407, 65535]], np.uint16)


RAMP8 = [0, 0, 1, 1, 127, 128, 255, 255]
"""``value * 255 / 65535``, rounded."""


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_from_the_full_range(format: str, encoded: Encode) -> None:
    pixels = rgb_of(encoded(Image.fromarray(RAMP16), format))
    assert pixels.shape == (1, 8, 3)
    for channel in range(3):
        assert pixels[0, :, channel].tolist() == RAMP8


def test_big_endian_and_compressed_16_bit_tiffs_say_the_same(encoded: Encode) -> None:
    files = [
        grey_tiff(RAMP16.astype(">u2"), bits=16, order=">"),
        grey_tiff(RAMP16.astype("<u2"), bits=16, order="<"),
        encoded(Image.fromarray(RAMP16), "TIFF", compression="tiff_adobe_deflate"),
    ]
    assert [rgb_of(data)[0, :, 1].tolist() for data in files] == [RAMP8] * 3


def test_white_is_zero_is_turned_round() -> None:
    data = grey_tiff(RAMP16.astype("<u2"), bits=16, zero_is=0)
    assert rgb_of(data)[0, :, 0].tolist() == [255 - value for value in RAMP8]


@pytest.mark.parametrize("order", ["<", ">"])
def test_signed_16_bit_starts_at_its_lowest_value(order: str) -> None:
    values = (RAMP16.astype(np.int32) - 32768).astype(order + "i2")
    data = grey_tiff(values, bits=16, format=2, order=order)
    assert rgb_of(data)[0, :, 2].tolist() == RAMP8


def test_32_bit_integers_are_scaled_from_the_range_of_their_sign() -> None:
    quarter = 2**30
    unsigned = np.array([[0, quarter, 2 * quarter, 3 * quarter, 2**32 - 1]], "<u4")
    signed = (unsigned.astype(np.int64) - 2**31).astype("<i4")
    expected = [0, 64, 128, 191, 255]
    assert rgb_of(grey_tiff(unsigned, bits=32))[0, :, 0].tolist() == expected
    assert rgb_of(grey_tiff(signed, bits=32, format=2))[0, :, 0].tolist() == expected
    assert rgb_of(grey_tiff(signed.astype(">i4"), bits=32, format=2, order=">"))[0, :, 0].tolist() == expected


def test_a_tall_16_bit_picture_is_scaled_in_every_row(encoded: Encode) -> None:
    rows = (np.arange(1000, dtype=np.int64) * 65535 // 999).astype(np.uint16)
    pixels = rgb_of(encoded(Image.fromarray(np.repeat(rows[:, None], 3, 1)), "PNG"))
    np.testing.assert_array_equal(pixels[:, 1, 0], np.round(rows / 257).astype(np.uint8))


def test_16_bit_colour_keeps_its_high_byte() -> None:
    row = b"\0" + struct.pack(">6H", 65535, 0, 32768, 0, 65535, 256)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">LLBBBBB", 2, 1, 16, 2, 0, 0, 0))
    data += png_chunk(b"IDAT", zlib.compress(row)) + png_chunk(b"IEND", b"")
    assert rgb_of(data).tolist() == [[[255, 0, 128], [0, 255, 1]]]


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_floating_point_is_refused(bits: int) -> None:
    values = np.linspace(0, 1, 16).reshape(4, 4).astype(f"<f{bits // 8}")
    assert code_of(grey_tiff(values, bits=bits, format=3)) is ErrorCode.UNSUPPORTED_MODE


def test_a_mode_without_a_way_to_rgb_is_refused(
    encoded: Encode, quarters: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Image.Image, mode: str) -> Image.Image:
        raise ValueError("conversion not supported")

    monkeypatch.setattr(Image.Image, "convert", refuse)
    assert code_of(encoded(quarters, "BMP")) is ErrorCode.UNSUPPORTED_MODE


# Modes and transparency


def test_colours_hidden_under_alpha_do_not_show(encoded: Encode) -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0] = [[255, 0, 0, 0], [255, 0, 0, 255], [0, 0, 0, 128]]
    pixels[1] = [[0, 0, 0, 0], [0, 0, 255, 255], [200, 100, 0, 0]]
    for format in ("PNG", "TIFF"):
        rgb = rgb_of(encoded(Image.fromarray(pixels), format)).tolist()
        assert rgb[0] == [[255, 255, 255], [255, 0, 0], [127, 127, 127]]
        assert rgb[1] == [[255, 255, 255], [0, 0, 255], [255, 255, 255]]


def test_grey_with_alpha_is_composited_over_white(encoded: Encode) -> None:
    pixels = np.array([[[0, 0], [0, 255], [100, 255]]], np.uint8)
    rgb = rgb_of(encoded(Image.fromarray(pixels, "LA"), "PNG"))
    assert rgb[0, :, 0].tolist() == [255, 0, 100]


def test_palette_and_its_transparency(encoded: Encode) -> None:
    picture = Image.new("P", (3, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.putdata([0, 1, 2])
    colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    for format in ("PNG", "GIF"):
        assert rgb_of(encoded(picture, format)).tolist() == [colours]
        assert rgb_of(encoded(picture, format, transparency=1)).tolist() == [
            [colours[0], [255, 255, 255], colours[2]]
        ]
    assert rgb_of(encoded(picture, "PNG", transparency=bytes([0, 255, 0]))).tolist() == [
        [[255, 255, 255], colours[1], [255, 255, 255]]
    ]


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (1, 2, 3)), ("I;16", 300)])
def test_a_transparent_colour_becomes_white(mode: str, colour: Any, encoded: Encode) -> None:
    picture = Image.new(mode, (2, 1), 0)
    picture.putpixel((0, 0), colour)
    data = encoded(picture, "PNG", transparency=None if mode == "I;16" else colour)
    if mode == "I;16":  # Pillow does not write it: chunk tRNS goes before the first IDAT
        at = data.index(b"IDAT") - 4
        data = data[:at] + png_chunk(b"tRNS", struct.pack(">H", colour)) + data[at:]
    assert rgb_of(data).tolist() == [[[255] * 3, [0] * 3]]


def test_one_bit_and_8_bit_grey(encoded: Encode) -> None:
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    assert rgb_of(encoded(bits, "PNG")).tolist() == [[[0] * 3, [255] * 3]]
    grey = Image.fromarray(np.array([[0, 77, 255]], np.uint8))
    assert rgb_of(encoded(grey, "PNG"))[0, :, 1].tolist() == [0, 77, 255]


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_cmyk_is_converted_as_pillow_does(format: str, encoded: Encode) -> None:
    picture = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = rgb_of(encoded(picture, format))[8, 8].tolist()
    assert red < 5 and green > 250 and blue > 250


def test_icc_profiles_are_ignored(encoded: Encode, quarters: Image.Image) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert rgb_of(encoded(quarters, "PNG", icc_profile=profile)).tolist() == np.asarray(quarters).tolist()

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFilter

from models.error_codes import ErrorCode
from models.preprocessing import (
    DECODED_FORMATS,
    DRAFT_SIZE,
    MAX_PIXELS,
    ImageError,
    ImageFacts,
    decode_image,
    preprocess,
    to_input,
    whole_picture,
)

Encode = Callable[..., bytes]

LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "BMP": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
    "GIF": {},
}


def rgb_of(data: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(decode_image(data).rgb)


def code_of(data: bytes, **limits: int) -> ErrorCode:
    with pytest.raises(ImageError) as caught:
        preprocess(data, **limits)
    return caught.value.code


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


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


# Formats


def test_error_codes_are_words_of_the_report() -> None:
    assert {code.value for code in ErrorCode} <= {code.value for code in ErrorCode}


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_formats_give_their_pixels(format: str, encoded: Encode, quarters: Image.Image) -> None:
    decoded = decode_image(encoded(quarters, format, **LOSSLESS[format]))
    assert decoded.facts == ImageFacts(format, 48, 32, 1)
    assert decoded.rgb.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(decoded.rgb), np.asarray(quarters))


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_give_nearly_their_pixels(format: str, encoded: Encode, quarters: Image.Image) -> None:
    soft = quarters.filter(ImageFilter.GaussianBlur(3))
    options: dict[str, Any] = {"quality": 95} | ({"subsampling": 0} if format == "JPEG" else {})
    decoded = decode_image(encoded(soft, format, **options))
    assert decoded.facts == ImageFacts(format, 48, 32, 1)
    difference = np.abs(np.asarray(decoded.rgb).astype(int) - np.asarray(soft))
    assert difference.mean() < 4


def test_mpo_is_decoded_as_its_first_picture(encoded: Encode, quarters: Image.Image) -> None:
    white = Image.new("RGB", quarters.size, "white")
    data = encoded(quarters, "MPO", save_all=True, append_images=[white], quality=95, subsampling=0)
    decoded = decode_image(data)
    assert decoded.facts == ImageFacts("MPO", 48, 32, 2)
    red, green, blue = decoded.rgb.getpixel((4, 4))  # type: ignore[misc]
    assert red > 240 and green < 15 and blue < 15


@pytest.mark.parametrize("format", ["EPS", "PPM", "TGA", "ICO", "PCX", "ICNS", "JPEG2000", "DIB", "PDF"])
def test_formats_outside_the_list_are_refused(format: str, encoded: Encode, quarters: Image.Image) -> None:
    assert format not in DECODED_FORMATS
    picture = quarters.resize((64, 64))
    assert code_of(encoded(picture, format)) is ErrorCode.NOT_AN_IMAGE


@pytest.mark.parametrize("data", [b"text, not pixels\n", b"\0" * 4096, b"<svg width='9'/>".ljust(99), b"P"])
def test_other_bytes_are_not_an_image(data: bytes) -> None:
    assert code_of(data) is ErrorCode.NOT_AN_IMAGE


def test_no_bytes_are_an_empty_file() -> None:
    assert code_of(b"") is ErrorCode.EMPTY_FILE


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_cut_off_files_are_corrupt(format: str, kept: float, encoded: Encode) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (96, 128, 3), np.uint8)
    data = encoded(Image.fromarray(noise), format)
    cut = data[: max(16, int(len(data) * kept))]
    assert code_of(cut) is ErrorCode.CORRUPT_IMAGE


def test_an_error_text_holds_no_memory_address(encoded: Encode, quarters: Image.Image) -> None:
    for data in (b"text", encoded(quarters, "PNG")[:40], encoded(quarters, "JPEG")[:200]):
        with pytest.raises(ImageError) as caught:
            preprocess(data)
        assert re.search(r"0x[0-9a-f]{6}", str(caught.value)) is None
        assert str(caught.value).startswith(f"{caught.value.code}: ")


def test_a_cut_off_file_still_tells_its_size(encoded: Encode, quarters: Image.Image) -> None:
    with pytest.raises(ImageError) as caught:
        preprocess(encoded(quarters, "PNG")[:-40])
    assert caught.value.facts == ImageFacts("PNG", 48, 32, None)


# Limits


def test_too_many_pixels_are_refused_before_they_are_decoded(
    encoded: Encode, quarters: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(quarters, "PNG")
    assert preprocess(data, max_pixels=48 * 32)[1].width == 48

    def refuse(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", refuse)
    with pytest.raises(ImageError) as caught:
        preprocess(data, max_pixels=48 * 32 - 1)
    assert caught.value.code is ErrorCode.TOO_MANY_PIXELS
    assert caught.value.facts == ImageFacts("PNG", 48, 32, None)


def test_a_bomb_is_refused_with_its_size_and_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    header = struct.pack(">LLBBBBB", 100_000, 50_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b""))
    with pytest.raises(ImageError) as caught:
        preprocess(data)
    assert caught.value.code is ErrorCode.TOO_MANY_PIXELS
    assert caught.value.facts == ImageFacts("PNG", 100_000, 50_000, None)
    assert MAX_PIXELS < 100_000 * 50_000
    assert len(recwarn) == 0


def test_no_memory_is_an_error_of_its_own(
    encoded: Encode, quarters: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    assert code_of(encoded(quarters, "PNG")) is ErrorCode.OUT_OF_MEMORY


# Draft


def test_a_large_jpeg_is_decoded_reduced_and_hardly_differs(encoded: Encode) -> None:
    rng = np.random.default_rng(5)
    rough = Image.fromarray(rng.integers(0, 256, (75, 100, 3), np.uint8))
    picture = rough.resize((2400, 1800), Image.Resampling.BICUBIC)
    data = encoded(picture, "JPEG", quality=92)
    decoded = decode_image(data)
    assert (decoded.facts.width, decoded.facts.height) == (2400, 1800)
    assert decoded.rgb.width < 2400
    assert decoded.rgb.width >= DRAFT_SIZE[0] and decoded.rgb.height >= DRAFT_SIZE[1]
    with Image.open(io.BytesIO(data)) as full:
        whole = to_input(full.convert("RGB"))
    difference = np.abs(to_input(decoded.rgb).astype(int) - whole)
    assert 0 < difference.max() <= 8


def test_a_small_jpeg_is_decoded_in_full(encoded: Encode, quarters: Image.Image) -> None:
    assert decode_image(encoded(quarters.resize((700, 600)), "JPEG")).rgb.size == (700, 600)


# Frames


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("GIF", {}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_first_frame_is_decoded_and_all_are_counted(
    format: str, options: dict[str, Any], encoded: Encode, quarters: Image.Image
) -> None:
    others = [Image.new("RGB", quarters.size, colour) for colour in ("white", "yellow")]
    data = encoded(quarters, format, save_all=True, append_images=others, **options)
    decoded = decode_image(data)
    assert decoded.facts == ImageFacts(format, 48, 32, 3)
    np.testing.assert_array_equal(np.asarray(decoded.rgb), np.asarray(quarters))


@pytest.mark.filterwarnings("ignore")
def test_damage_behind_the_first_frame_costs_the_count_alone(encoded: Encode, quarters: Image.Image) -> None:
    deep = Image.fromarray(np.full((8, 8), 65535, np.uint16))
    data = bytearray(encoded(deep, "TIFF", save_all=True, append_images=[deep]))
    (first,) = struct.unpack_from("<L", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<L", data, first + 2 + 12 * entries, len(data) + 1000)
    decoded = decode_image(bytes(data))
    assert decoded.facts.frames in (None, 1)
    assert (np.asarray(decoded.rgb) == 255).all()


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


# The whole law


def test_the_input_is_pillows_bilinear_resize_without_aspect(encoded: Encode) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 700, 3), np.uint8))
    pixels, facts = preprocess(encoded(noise, "PNG"))
    assert pixels.shape == (260, 260, 3) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, np.asarray(noise.resize((260, 260), Image.Resampling.BILINEAR)))
    assert facts == ImageFacts("PNG", 700, 300, 1)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "I;16"])
def test_the_bytes_are_those_of_the_array(mode: str, encoded: Encode) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (30, 40, 3), np.uint8)
    picture = Image.fromarray(noise)
    picture = (
        Image.fromarray(noise[..., 0].astype(np.uint16) * 200) if mode == "I;16" else picture.convert(mode)
    )
    data = encoded(picture, "TIFF")
    pixels, facts = preprocess(data)
    assert whole_picture(data) == (pixels.tobytes(), facts)


def test_decoding_loads_no_numpy_and_no_format_that_is_not_asked_for(
    encoded: Encode, quarters: Image.Image
) -> None:
    code = (
        "import sys; from models.preprocessing import whole_picture\n"
        "whole_picture(sys.stdin.buffer.read())\n"
        "print([name for name in ('numpy', 'PIL.PsdImagePlugin', 'PIL.EpsImagePlugin') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=encoded(quarters, "JPEG"), capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (260, 260), (261, 259)])
def test_every_shape_becomes_the_input(size: tuple[int, int], encoded: Encode) -> None:
    pixels, _ = preprocess(encoded(Image.new("RGB", size, (9, 99, 199)), "PNG"))
    assert pixels.shape == (260, 260, 3)
    assert (pixels == (9, 99, 199)).all()


def test_a_picture_of_the_inputs_size_is_not_resampled(encoded: Encode) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (260, 260, 3), np.uint8)
    np.testing.assert_array_equal(preprocess(encoded(Image.fromarray(noise), "PNG"))[0], noise)


def test_warnings_as_errors_change_nothing(encoded: Encode, quarters: Image.Image) -> None:
    """Pillow warns of a cut EXIF block; a CI that runs Python with -W error gets the same picture."""
    data = encoded(quarters, "TIFF", compression="tiff_lzw", tiffinfo={270: "x" * 40})
    program = (
        "import sys; from models.preprocessing import ImageError, preprocess\n"
        "data = sys.stdin.buffer.read()\n"
        "for cut in range(0, len(data), 7):\n"
        "    for tail in (b'', bytes(5)):\n"
        "        try:\n"
        "            preprocess(data[:cut] + tail + data[cut + len(tail):])\n"
        "            preprocess(data[:cut])\n"
        "        except ImageError as error:\n"
        "            assert 'Warning' not in str(error), error\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


# Any bytes


def valid_files() -> list[bytes]:
    noise = Image.fromarray(np.random.default_rng(4).integers(0, 256, (11, 13, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "picture"
    deep = Image.fromarray(np.arange(99, dtype=np.uint16).reshape(9, 11) * 600)
    files: list[bytes] = []
    for picture, format, options in (
        (noise, "JPEG", {"exif": exif}),
        (noise, "JPEG", {"progressive": True}),
        (noise, "MPO", {"save_all": True, "append_images": [noise]}),
        (noise, "PNG", {"exif": exif}),
        (noise, "PNG", {"save_all": True, "append_images": [noise.rotate(180)]}),
        (deep, "PNG", {}),
        (noise, "GIF", {}),
        (noise, "GIF", {"save_all": True, "append_images": [noise.rotate(180)]}),
        (noise, "BMP", {}),
        (noise.convert("P"), "BMP", {}),
        (noise, "WEBP", {"exif": exif}),
        (noise, "WEBP", {"save_all": True, "append_images": [noise.rotate(180)], "lossless": True}),
        (noise, "TIFF", {"exif": exif}),
        (noise, "TIFF", {"compression": "tiff_lzw"}),
        (deep, "TIFF", {"save_all": True, "append_images": [deep]}),
        (noise, "AVIF", {}),
    ):
        stream = io.BytesIO()
        picture.save(stream, format, **options)
        files.append(stream.getvalue())
    return files


FILES = valid_files()
SIGNATURES = [data[:12] for data in FILES]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(("flip", "cut", "insert", "zero", "drop"))):
            case "flip" if data:
                data[at] ^= draw(st.integers(1, 255))
            case "cut":
                del data[at:]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=9))
            case "zero":
                data[at : at + 4] = bytes(4)
            case "drop":
                del data[at : at + draw(st.integers(1, 9))]
    return bytes(data)


def assert_pixels_or_image_error(data: bytes) -> None:
    try:
        pixels, facts = preprocess(data, max_pixels=4_000_000)
    except ImageError as error:
        assert isinstance(error.code, ErrorCode)
        return
    assert pixels.shape == (260, 260, 3) and pixels.dtype == np.uint8
    assert facts.format in DECODED_FORMATS and facts.width > 0 and facts.height > 0


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_give_pixels_or_an_image_error(data: bytes) -> None:
    assert_pixels_or_image_error(data)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(SIGNATURES), st.binary(max_size=200))
def test_any_bytes_after_a_signature_give_pixels_or_an_image_error(signature: bytes, rest: bytes) -> None:
    assert_pixels_or_image_error(signature + rest)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=1500, deadline=None, derandomize=True)
@given(mutated())
def test_damaged_files_give_pixels_or_an_image_error(data: bytes) -> None:
    assert_pixels_or_image_error(data)

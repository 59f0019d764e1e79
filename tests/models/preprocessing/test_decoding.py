"""Which bytes are a picture, and what is said of those that are none."""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from made_pictures import LOSSLESS, Encode, code_of, png_chunk
from PIL import Image, ImageFilter

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
)

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

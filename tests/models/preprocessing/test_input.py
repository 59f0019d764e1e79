"""The network's input, and what any bytes become."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pictures import Encode
from PIL import Image

from models.error_codes import ErrorCode
from models.preprocessing import (
    DECODED_FORMATS,
    ImageError,
    ImageFacts,
    preprocess,
    whole_picture,
)

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
@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_give_pixels_or_an_image_error(data: bytes) -> None:
    assert_pixels_or_image_error(data)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300)
@given(st.sampled_from(SIGNATURES), st.binary(max_size=200))
def test_any_bytes_after_a_signature_give_pixels_or_an_image_error(signature: bytes, rest: bytes) -> None:
    assert_pixels_or_image_error(signature + rest)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=1500)
@given(mutated())
def test_damaged_files_give_pixels_or_an_image_error(data: bytes) -> None:
    assert_pixels_or_image_error(data)

"""JPEG: every process that the library has, a sentence for the others, and no marker beside the pixels costs any."""

from __future__ import annotations

import base64
import io
import struct
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

NOISE = np.random.default_rng(10).integers(0, 256, (6, 8, 3), np.uint8)
SOFT = np.asarray(Image.fromarray(NOISE).resize((64, 48), Image.Resampling.BICUBIC))
ARITHMETIC = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV015{O2nPlV2nYxZ3JMDj7!VE(4GtX@77-XDA0;FrA0i<pD>pADDKse|A}~QQG&wsyK0YNb"
    "L`g$DNH;w`JOA4NLjej43l0qq91sv3J18P3J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3Bi&J3If$"
    "01*fP5C9kh0U`hb5di}c0sqVZ3IGrg1pyEd1^?Or3<CiG0ucid06zfIUmqlSH2KYZF9%B^T5#x(x0*h|cC$)5@*>wi30a+`!w{uP"
    "S0@Olz3;C3ji#)uh{Ws}JC#-2?+cql%VJ?I4ujwFd_~pF0jkW6ipZXqA7Oi+I8icNt$3mT*#"
)
"""24×16 pixels of ``cjpeg -arithmetic``, which Pillow does not write."""


def encoded(picture: npt.NDArray[Any], **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), 95, **options))


def rgb_of(data: bytes) -> npt.NDArray[Any]:
    return np.asarray(decode_image(data).rgb).astype(int)


def error_of(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    assert caught.value.format == "JPEG"
    return caught.value


PLAIN = encoded(SOFT)


def with_segment(marker: int, body: bytes) -> bytes:
    return PLAIN[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + PLAIN[2:]


def with_frame(**changes: int) -> bytes:
    """``PLAIN`` with another header: marker, bits, height, width or components."""
    at = PLAIN.index(b"\xff\xc0")
    stored = struct.unpack_from(">BHHB", PLAIN, at + 4)
    fields = dict(zip(("bits", "height", "width", "components"), stored, strict=True))
    fields |= {name: value for name, value in changes.items() if name != "marker"}
    frame = struct.pack(">BHHB", *fields.values())
    return (
        PLAIN[: at + 1]
        + bytes((changes.get("marker", 0xC0),))
        + PLAIN[at + 2 : at + 4]
        + frame
        + PLAIN[at + 10 :]
    )


# Processes


@pytest.mark.parametrize("sampling", ["444", "422", "420", "411", "440"])
def test_subsampled_colours_are_those_of_another_reader(sampling: str) -> None:
    data = encoded(SOFT, colorspace="RGB", outcolorspace="YCBCR", subsampling=sampling)
    np.testing.assert_array_equal(rgb_of(data), imagecodecs.jpeg8_decode(data))


def test_stored_rgb_and_grey_and_lossless() -> None:
    for data, picture, most in (
        (encoded(SOFT, colorspace="RGB", outcolorspace="RGB"), SOFT, 4),
        (encoded(SOFT[..., 0]), SOFT[..., :1].repeat(3, 2), 4),
        (bytes(imagecodecs.jpeg8_encode(SOFT, lossless=True)), SOFT, 0),
    ):
        assert np.abs(rgb_of(data) - picture).max() <= most


@pytest.mark.parametrize("stored", ["CMYK", "YCCK"])
def test_inks_are_inverted_as_adobe_stores_them(stored: str) -> None:
    inks = np.concatenate([SOFT, SOFT[..., :1] // 4], 2)
    data = encoded(255 - inks, colorspace="CMYK", outcolorspace=stored)
    read = 255 - imagecodecs.jpeg8_decode(data, outcolorspace="CMYK")
    np.testing.assert_array_equal(rgb_of(data), np.asarray(Image.fromarray(read, "CMYK").convert("RGB")))
    assert np.abs(rgb_of(data) - np.asarray(Image.fromarray(inks, "CMYK").convert("RGB"))).max() <= 40


def test_progressive_is_read_as_another_reader_does() -> None:
    stream = io.BytesIO()
    Image.fromarray(SOFT).save(stream, "JPEG", progressive=True)
    np.testing.assert_array_equal(rgb_of(stream.getvalue()), imagecodecs.jpeg8_decode(stream.getvalue()))


def test_arithmetic_coding_is_read_where_the_library_has_it() -> None:
    if not features.check_feature("libjpeg_turbo"):
        assert "arithmetic" in error_of(ARITHMETIC).detail
    else:
        np.testing.assert_array_equal(rgb_of(ARITHMETIC), imagecodecs.jpeg8_decode(ARITHMETIC))


def test_12_bits_are_an_unsupported_mode() -> None:
    data = bytes(imagecodecs.jpeg_encode(SOFT.astype(np.uint16) * 16, 95, bitspersample=12))
    error = error_of(data)
    assert error.code is ErrorCode.UNSUPPORTED_MODE and "12 bits" in error.detail
    assert error.facts is not None and (error.facts.width, error.facts.height) == (64, 48)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bits": 16}, ErrorCode.UNSUPPORTED_MODE),
        ({"marker": 0xC5}, ErrorCode.UNSUPPORTED_MODE),
        ({"height": 0}, ErrorCode.UNSUPPORTED_MODE),
        ({"width": 65_535}, ErrorCode.TOO_MANY_PIXELS),
    ],
)
def test_what_the_library_lacks_is_said(changes: dict[str, int], code: ErrorCode) -> None:
    error = error_of(with_frame(**changes))
    assert error.code is code and len(error.detail) > 20


@pytest.mark.parametrize("components", [2, 5])
def test_other_numbers_of_components_are_said(components: int) -> None:
    at = PLAIN.index(b"\xff\xc0")
    header = struct.pack(">HBHHB", 8 + 3 * components, 8, 48, 64, components) + b"\1\x11\0" * components
    error = error_of(PLAIN[: at + 2] + header + PLAIN[at + 19 :])
    assert error.code is ErrorCode.UNSUPPORTED_MODE and f"{components} components" in error.detail


@pytest.mark.parametrize("changes", [{"bits": 0}, {"bits": 77}, {"components": 17}])
def test_a_header_that_cannot_be_is_damage(changes: dict[str, int]) -> None:
    assert error_of(with_frame(**changes)).code is ErrorCode.CORRUPT_IMAGE


def test_jpeg_ls_is_an_unsupported_format() -> None:
    assert error_of(bytes(imagecodecs.jpegls_encode(SOFT))).code is ErrorCode.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("kept", [0.1, 0.4, 0.8])
def test_cut_off_ones_stay_corrupt_with_their_size_once_it_was_read(kept: float) -> None:
    error = error_of(PLAIN[: int(len(PLAIN) * kept)])
    assert error.code is ErrorCode.CORRUPT_IMAGE
    assert error.facts is None or (error.facts.width, error.facts.height) == (64, 48)


# Markers beside the pixels


@pytest.mark.slow
@settings(max_examples=400)
@given(
    st.sampled_from([0xE0, 0xE1, 0xE2, 0xE3, 0xEB, 0xED, 0xEE, 0xEF, 0xFE]),
    st.sampled_from([b"", b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"MPF\0", b"Adobe", b"Photoshop 3.0\0",
                     b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\x008BIM\x03\xed", b"Exif\0\0II*\0\x08\0\0\0"]),
    st.binary(max_size=40),
)  # fmt: skip
def test_any_content_of_any_marker_leaves_the_pixels(marker: int, begin: bytes, rest: bytes) -> None:
    if marker == 0xEE and begin == b"Adobe" and len(rest) >= 7:
        return  # says how colours are stored
    np.testing.assert_array_equal(rgb_of(with_segment(marker, begin + rest)), rgb_of(PLAIN))


def test_a_marker_that_was_left_aside_leaves_the_number_of_frames() -> None:
    assert decode_image(with_segment(0xE0, b"JFIF\0\1")).facts.frames == 1

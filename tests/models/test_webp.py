"""WebP: lossy, lossless, with alpha and animated, against another reader."""

from __future__ import annotations

import io
import struct
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from reference_law import over_white

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

NOISE = np.random.default_rng(11).integers(0, 256, (9, 8, 4), np.uint8)
SOFT = np.asarray(Image.fromarray(NOISE).resize((60, 44), Image.Resampling.BICUBIC))


def encoded(picture: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "WEBP", **options)
    return stream.getvalue()


def shown(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return over_white(picture[..., :3], picture[..., 3:]) if picture.shape[2] == 4 else picture


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}, {"lossless": True, "exact": True}])
def test_pixels_are_those_of_another_reader(channels: int, options: dict[str, Any]) -> None:
    data = encoded(SOFT[..., :channels], **options)
    difference = np.asarray(decode_image(data).rgb) - shown(imagecodecs.webp_decode(data))
    assert np.abs(difference).max() <= 1


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def three(number: int) -> bytes:
    return struct.pack("<I", number)[:3]


@pytest.mark.parametrize("background", [0, 0xFF0000FF])
def test_a_first_frame_of_an_animation_lies_on_white(background: int) -> None:
    """The background colour is a hint, which browsers ignore (RFC 9649, 2.7.1.1)."""
    still = encoded(SOFT[:20, :30], lossless=True, exact=True)
    frame = still[still.index(b"VP8L") :]
    place = three(4 // 2) + three(6 // 2) + three(30 - 1) + three(20 - 1) + three(100) + b"\0"
    body = chunk(b"VP8X", b"\x12\0\0\0" + three(60 - 1) + three(44 - 1))
    body += chunk(b"ANIM", struct.pack("<IH", background, 0)) + chunk(b"ANMF", place + frame)
    data = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
    expected = np.full((44, 60, 3), 255.0)
    expected[6:26, 4:34] = shown(SOFT[:20, :30])
    assert np.abs(np.asarray(decode_image(data).rgb) - expected).max() <= 1


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0II*\0"}])
def test_a_cut_off_file_tells_its_size(options: dict[str, Any]) -> None:
    data = encoded(SOFT[..., :3], **options)
    with pytest.raises(ImageError) as caught:
        decode_image(data[: len(data) // 2])
    assert caught.value.code is ErrorCode.CORRUPT_IMAGE
    assert caught.value.facts is not None and (caught.value.facts.width, caught.value.facts.height) == (
        60,
        44,
    )

"""AVIF: 8, 10 and 12 bits against another binding of the library; broken EXIF costs no picture, HEIC is no damage."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from reference_law import over_white

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

NOISE = np.random.default_rng(12).integers(0, 256, (6, 8, 4), np.uint8)
SOFT = np.asarray(Image.fromarray(NOISE).resize((64, 48), Image.Resampling.BICUBIC))


def encoded(picture: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "AVIF", **options)
    return stream.getvalue()


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_pixels_are_those_of_another_binding(channels: int, subsampling: str) -> None:
    data = encoded(SOFT[..., :channels], quality=90, subsampling=subsampling)
    read = imagecodecs.avif_decode(data)
    read = over_white(read[..., :3], read[..., 3:]) if channels == 4 else read
    assert np.abs(np.asarray(decode_image(data).rgb) - read.astype(float)).max() <= 1


@pytest.mark.parametrize("bits", [10, 12])
def test_more_than_8_bits_are_scaled(bits: int) -> None:
    deep = SOFT[..., :3].astype(np.uint16) << (bits - 8)
    data = bytes(imagecodecs.avif_encode(deep, level=95, bitspersample=bits))
    read = imagecodecs.avif_decode(data).astype(float) * 255 / (2**bits - 1)
    assert np.abs(np.asarray(decode_image(data).rgb) - read).max() <= 4


EXIF = Image.Exif()
EXIF[0x010E] = "x" * 60
WITH_EXIF = encoded(SOFT[..., :3], exif=EXIF)
EXIF_AT = WITH_EXIF.index(EXIF.tobytes()[6:14])


@pytest.mark.parametrize("junk", [b"\xff" * 8, b"II*\0\xff\xff\xff\xff", b"rubbish!"])
def test_broken_exif_costs_no_picture(junk: bytes) -> None:
    data = WITH_EXIF[:EXIF_AT] + junk + WITH_EXIF[EXIF_AT + 8 :]
    assert decode_image(data).rgb.tobytes() == decode_image(WITH_EXIF).rgb.tobytes()


def test_heic_under_the_common_brand_is_an_unsupported_format() -> None:
    data = WITH_EXIF.replace(b"ftypavif", b"ftypmif1").replace(b"avif", b"heic")
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT
    assert caught.value.facts is not None and (caught.value.facts.width, caught.value.facts.height) == (
        64,
        48,
    )


@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_a_cut_off_file_is_corrupt_and_tells_its_size(kept: float) -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(WITH_EXIF[: int(len(WITH_EXIF) * kept)])
    assert caught.value.code is ErrorCode.CORRUPT_IMAGE
    assert caught.value.facts is not None and (caught.value.facts.width, caught.value.facts.height) == (
        64,
        48,
    )

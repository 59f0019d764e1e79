"""TIFF: tags beside the pixels never cost the picture, and damage stays damage."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiff_files import LZW, Layout, samples_of, tiff

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

EXIF, GPS, ICC, XMP, PHOTOSHOP, IPTC = 34665, 34853, 34675, 700, 34377, 33723


def file_with(tag: int, kind: int, values: tuple[int, ...], *, big: bool = False, **layout: Any) -> bytes:
    given = Layout(2, big=big, tags={tag: (kind, values)}, **layout)
    return tiff(samples_of(given), given)


PLAIN = samples_of(Layout(2))


def rgb_of(data: bytes) -> npt.NDArray[Any]:
    return np.asarray(decode_image(data).rgb)


def entries(data: bytes) -> Iterator[tuple[int, int]]:
    """Tags of the first directory of a little-endian file, with the places of their entries."""
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for n in range(count):
        yield struct.unpack_from("<H", data, place + 2 + 12 * n)[0], place + 2 + 12 * n


@settings(max_examples=300)
@given(
    st.sampled_from([EXIF, GPS, ICC, XMP, PHOTOSHOP, IPTC, 270, 282, 296, 305, 330, 33432, 50000]),
    st.sampled_from([0, 1, 2, 3, 4, 5, 7, 9, 11, 12, 13, 99]),
    st.sampled_from([0, 1, 2, 7, 1000, 2**20, 2**31, 2**32 - 1]),
    st.sampled_from([0, 1, 8, 100, 2**20, 2**31, 2**32 - 1]),
    st.sampled_from([1, LZW]),
)
@pytest.mark.filterwarnings("ignore")
def test_any_tag_beside_the_pixels_leaves_them(
    tag: int, kind: int, count: int, value: int, codec: int
) -> None:
    data = bytearray(file_with(tag, 4, (8,), compression=codec))
    at = dict(entries(bytes(data)))[tag]
    struct.pack_into("<HII", data, at + 2, kind, count, value)
    np.testing.assert_array_equal(rgb_of(bytes(data)), PLAIN)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_xmp_that_is_no_text_costs_nothing_in_either_kind_of_file(order: str, big: bool) -> None:
    data = file_with(XMP, 3, (1, 2, 3, 4, 5), big=big, order=order)
    if big and order == ">":
        with pytest.raises(ImageError) as caught:
            decode_image(data)
        assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT and "big-endian" in caught.value.detail
        assert caught.value.facts is not None and (caught.value.facts.width, caught.value.facts.height) == (
            21,
            18,
        )
    else:
        np.testing.assert_array_equal(rgb_of(data), PLAIN)


def test_an_orientation_survives_a_broken_tag_beside_it() -> None:
    layout = Layout(2, tags={274: (3, (3,)), XMP: (3, (1, 2, 3, 4, 5))})
    np.testing.assert_array_equal(rgb_of(tiff(PLAIN, layout)), PLAIN[::-1, ::-1])


@pytest.mark.parametrize("codec", [1, LZW])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_cut_off_files_stay_corrupt(codec: int, kept: float) -> None:
    """The directory lies behind the pixels: without it nothing but the format is known."""
    data = file_with(305, 4, (8,), compression=codec)
    with pytest.raises(ImageError) as caught:
        decode_image(data[: int(len(data) * kept)])
    assert caught.value.code is ErrorCode.CORRUPT_IMAGE
    assert caught.value.format == "TIFF"


def test_pixels_that_are_cut_off_behind_the_directory_stay_corrupt() -> None:
    """Nothing that is put behind them may be taken for the rest of them."""
    (place,) = struct.unpack_from("<I", data := file_with(XMP, 3, (1, 2, 3, 4, 5)), 4)
    pixels, directory = data[8:place], data[place:]
    moved = bytearray(data[:4] + struct.pack("<I", 8) + directory + pixels)
    shift = len(directory)
    for tag, at in entries(bytes(moved)):
        kind, count, value = struct.unpack_from("<HII", moved, at + 2)
        if count * {3: 2, 4: 4}[kind] > 4:  # a place: in the directory
            value -= place - 8
            struct.pack_into("<I", moved, at + 8, value)
        if tag == 273:
            for n in range(count):
                (strip,) = struct.unpack_from("<I", moved, value + 4 * n)
                struct.pack_into("<I", moved, value + 4 * n, strip + shift)
    np.testing.assert_array_equal(rgb_of(bytes(moved)), PLAIN)
    for cut in (1, 20, 200):
        with pytest.raises(ImageError) as caught:
            decode_image(bytes(moved[:-cut]))
        assert caught.value.code is ErrorCode.CORRUPT_IMAGE
        assert caught.value.facts is not None and (caught.value.facts.width, caught.value.facts.height) == (
            21,
            18,
        )


def test_damage_in_the_pixels_stays_corrupt_and_tells_the_size() -> None:
    data = bytearray(file_with(305, 4, (8,), compression=LZW))
    data[8:60] = b"\xff" * 52
    with pytest.raises(ImageError) as caught:
        decode_image(bytes(data))
    assert caught.value.code is ErrorCode.CORRUPT_IMAGE
    assert caught.value.facts is not None and (caught.value.facts.width, caught.value.facts.height) == (
        21,
        18,
    )

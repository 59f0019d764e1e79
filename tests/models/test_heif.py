"""HEIC: pixels, orientation once, limits, and what is said without the library."""

from __future__ import annotations

import pytest
from damaged_files import costs_a_picture_or_nothing
from heic_files import QUARTERS, WITH_EXIF, turned
from PIL import Image

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, ImageFacts, decode_image
from models.preprocessing.codecs import forget

pytest.importorskip("pi_heif")

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)


def corners(data: bytes) -> list[tuple[int, ...]]:
    """Clockwise from the upper left."""
    rgb = decode_image(data).rgb
    right, bottom = rgb.width - 4, rgb.height - 4
    return [rgb.getpixel(place) for place in ((4, 4), (right, 4), (right, bottom), (4, bottom))]  # type: ignore[misc]


def nearest(pixel: tuple[int, ...]) -> tuple[int, int, int]:
    return min(
        (RED, GREEN, BLUE, WHITE), key=lambda one: sum(abs(a - b) for a, b in zip(one, pixel, strict=True))
    )


def test_pixels_are_those_of_the_picture_that_was_encoded() -> None:
    found = corners(QUARTERS)
    for pixel, meant in zip(found, (RED, GREEN, WHITE, BLUE), strict=True):
        assert all(abs(a - b) <= 4 for a, b in zip(pixel, meant, strict=True))
    assert decode_image(QUARTERS).facts == ImageFacts("HEIF", 48, 32, 1)


def test_exif_does_not_turn_a_picture_that_its_own_transformations_have_turned() -> None:
    assert [nearest(one) for one in corners(WITH_EXIF)] == [RED, GREEN, WHITE, BLUE]
    once = [nearest(one) for one in corners(turned(WITH_EXIF, 3))]
    assert once == [BLUE, RED, GREEN, WHITE], "a quarter to the right, once"
    assert once == [nearest(one) for one in corners(turned(QUARTERS, 3))]


def test_the_size_is_that_before_the_turn() -> None:
    decoded = decode_image(turned(QUARTERS, 1))
    assert (decoded.facts.width, decoded.facts.height) == (48, 32)
    assert decoded.rgb.size == (32, 48)


def test_the_limit_of_pixels_holds_before_they_are_decoded() -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(QUARTERS, max_pixels=48 * 32 - 1)
    assert caught.value.code is ErrorCode.TOO_MANY_PIXELS
    assert caught.value.facts is not None and caught.value.facts.width == 48


def test_what_a_file_holds_beyond_its_word_is_not_given_on() -> None:
    """The grid says 8 × 8, and the list of its items too; what is decoded decides."""
    small = QUARTERS.replace((48).to_bytes(4, "big") + (32).to_bytes(4, "big"), bytes([0, 0, 0, 8] * 2))
    try:
        decoded = decode_image(small, max_pixels=64)
    except ImageError as error:
        assert error.code in (ErrorCode.TOO_MANY_PIXELS, ErrorCode.CORRUPT_IMAGE)
    else:
        assert decoded.rgb.width * decoded.rgb.height <= 64


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_cut_off_files_are_corrupt_or_whole(kept: float) -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(QUARTERS[: int(len(QUARTERS) * kept)])
    assert caught.value.code is ErrorCode.CORRUPT_IMAGE


def test_other_codings_of_the_family_are_an_unsupported_format() -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(QUARTERS.replace(b"hvc1", b"vvc1"))
    assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT


def test_damage_costs_a_picture_or_nothing() -> None:
    costs_a_picture_or_nothing(WITH_EXIF, 150, kept=24)


def test_without_the_library_the_words_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pi_heif", None)
    forget()
    try:
        with pytest.raises(ImageError) as caught:
            decode_image(QUARTERS)
    finally:
        forget()
    assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT and caught.value.format is None
    assert 'pip install "deepfake-scanner[heic]"' in caught.value.detail


def test_pillow_is_not_taught_heif_behind_its_back() -> None:
    decode_image(QUARTERS)
    assert "HEIF" not in Image.OPEN

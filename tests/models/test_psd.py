"""PSD: the merged picture where there is one, and a sentence where there is none."""

from __future__ import annotations

import pytest
from damaged_files import costs_a_picture_or_nothing
from psd_files import BLUE, GREEN, RED, psd

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, ImageFacts, decode_image


def pixels(data: bytes) -> list[tuple[int, ...]]:
    rgb = decode_image(data).rgb.tobytes()
    return [tuple(rgb[place : place + 3]) for place in range(0, len(rgb), 3)]


def refused(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    return caught.value


def test_the_merged_picture_is_decoded() -> None:
    assert decode_image(psd()).facts == ImageFacts("PSD", 2, 2, 1)
    assert pixels(psd()) == [(200, 10, 10), (10, 200, 10), (10, 10, 200), (10, 10, 10)]
    assert pixels(psd(layers=3)) == pixels(psd())


def test_without_a_merged_picture_there_is_a_sentence() -> None:
    error = refused(psd(merged=False, layers=2))
    assert error.code is ErrorCode.UNSUPPORTED_FORMAT and "maximize compatibility" in error.detail
    assert error.facts is not None and error.facts.width == 2
    assert refused(psd(merged=None, layers=2)).code is ErrorCode.UNSUPPORTED_FORMAT


def test_a_file_that_was_never_cut_into_layers_is_whole() -> None:
    assert pixels(psd(merged=None)) == pixels(psd())


def test_a_stored_selection_is_not_taken_for_alpha() -> None:
    selection = bytes(4)
    assert pixels(psd((RED, GREEN, BLUE, selection), layers=1)) == pixels(psd())
    assert pixels(psd((RED, GREEN, BLUE, selection), layers=-1)) == [(255, 255, 255)] * 4


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (psd(version=2), ErrorCode.UNSUPPORTED_FORMAT, "large documents"),
        (psd((RED * 2, GREEN * 2, BLUE * 2), bits=16), ErrorCode.UNSUPPORTED_MODE, "16 bits"),
        (psd(mode=7), ErrorCode.UNSUPPORTED_MODE, "multichannel"),
    ],
)
def test_other_kinds_are_refused_with_a_reason(data: bytes, code: ErrorCode, words: str) -> None:
    error = refused(data)
    assert error.code is code and words in error.detail


def test_damage_costs_a_picture_or_nothing() -> None:
    costs_a_picture_or_nothing(psd(layers=2), 300, kept=4)

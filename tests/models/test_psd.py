"""PSD: the merged picture where there is one, and a sentence where there is none."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

import pytest

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, ImageFacts, decode_image

RED, GREEN, BLUE = bytes([200, 10, 10, 10]), bytes([10, 200, 10, 10]), bytes([10, 10, 200, 10])
"""Channels of 2 × 2 pixels."""


def psd(
    channels: Sequence[bytes] = (RED, GREEN, BLUE),
    *,
    merged: bool | None = True,
    layers: int = 0,
    version: int = 1,
    bits: int = 8,
    mode: int = 3,
) -> bytes:
    """By hand: 2 × 2 pixels without compression; ``layers`` is only a count."""
    header = b"8BPS" + struct.pack(">H6xHIIHH", version, len(channels), 2, 2, bits, mode)
    said = b""
    if merged is not None:
        content = struct.pack(">IB", 1, merged) + b"\0" * 13
        said = b"8BIM" + struct.pack(">H2sI", 0x0421, b"\0\0", len(content)) + content
    inner = struct.pack(">hxx", layers) if layers else b""
    of_layers = struct.pack(">I", len(inner)) + inner if inner else b""
    sections = [b"", said, of_layers]
    body = b"".join(struct.pack(">I", len(one)) + one for one in sections)
    return header + body + struct.pack(">H", 0) + b"".join(channels)


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
    chance = random.Random(3)
    whole = psd(layers=2)
    for _ in range(300):
        data = bytearray(whole[: chance.randint(5, len(whole))])
        data[chance.randrange(4, len(data))] = chance.randrange(256)
        try:
            decoded = decode_image(bytes(data), max_pixels=1 << 16)
        except ImageError as error:
            assert error.code is not ErrorCode.NOT_AN_IMAGE
        else:
            assert decoded.rgb.mode == "RGB"

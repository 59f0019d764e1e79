"""All frames of animations and pages of TIFFs, as Pillow's own writers made them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from models.error_codes import ErrorCode
from models.preprocessing.errors import ImageError
from models.preprocessing.frames import Frame, frames_of

COLOURS = [(250, 20, 20), (20, 250, 20), (20, 20, 250), (120, 130, 140), (5, 5, 5)]
MAX = 10_000


def pictures(*sizes: tuple[int, int]) -> list[Image.Image]:
    """Of one colour each, with a stripe that moves: what stays the same from frame to frame may be left out."""
    found = []
    for number, colour in enumerate(COLOURS):
        picture = Image.new("RGB", sizes[number % len(sizes)], colour)
        picture.paste((0, 0, 0), (number, 0, number + 2, 10))
        found.append(picture)
    return found


def written(format: str, frames: list[Image.Image], **options: Any) -> bytes:
    out = io.BytesIO()
    frames[0].save(out, format, save_all=True, append_images=frames[1:], **options)
    return out.getvalue()


SAVED: dict[str, dict[str, Any]] = {
    "GIF": {"duration": [100, 200, 300, 400, 500]},
    "PNG": {"duration": [100, 200, 300, 400, 500]},
    "WEBP": {"duration": [100, 200, 300, 400, 500], "lossless": True},
    "TIFF": {},
}


@pytest.mark.parametrize("format", sorted(SAVED))
def test_each_frame_is_the_picture_that_was_written(format: str) -> None:
    frames = pictures((20, 10))
    found = list(frames_of(written(format, frames, **SAVED[format]), 0, 5, MAX))
    assert [frame.number for frame in found] == list(range(5))
    for frame, picture in zip(found, frames, strict=True):
        assert frame.rgb is not None and frame.rgb.tobytes() == picture.tobytes()
    times = [None] * 5 if format == "TIFF" else [0.0, 0.1, 0.3, 0.6, 1.0]
    assert [frame.seconds for frame in found] == (times if format == "TIFF" else pytest.approx(times))


@pytest.mark.parametrize("format", sorted(SAVED))
def test_a_part_is_what_it_is_among_all(format: str) -> None:
    data = written(format, pictures((20, 10)), **SAVED[format])

    def shown(frames: list[Frame]) -> list[Any]:
        return [(one.number, one.seconds, one.rgb and one.rgb.tobytes(), one.problem) for one in frames]

    assert shown(list(frames_of(data, 2, 4, MAX))) == shown(list(frames_of(data, 0, 5, MAX)))[2:4]


def test_pages_have_sizes_orientations_and_limits_of_their_own() -> None:
    pages = pictures((20, 10), (30, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = written("TIFF", pages, exif=exif)
    found = list(frames_of(data, 0, 5, 30 * 40 - 1))
    assert [None if one.rgb is None else one.rgb.size for one in found][::2] == [(10, 20)] * 3
    large = found[1]
    assert large.rgb is None and large.problem is not None and large.problem.code is ErrorCode.TOO_MANY_PIXELS


def test_a_page_that_would_be_misread_is_refused_by_itself() -> None:
    pages = [Image.new("L", (8, 8), 40), Image.new("F", (8, 8), 1.5), Image.new("L", (8, 8), 60)]
    first, second, third = frames_of(written("TIFF", pages), 0, 3, MAX)
    assert first.rgb is not None and third.rgb is not None
    assert second.problem is not None and second.problem.code is ErrorCode.UNSUPPORTED_MODE


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF"])
def test_frames_that_are_not_there_are_problems(format: str) -> None:
    data = written(format, pictures((20, 10)), **SAVED[format])
    found = list(frames_of(data, 3, 7, MAX))
    assert [one.rgb is None for one in found] == [False, False, True, True]
    assert found[3].problem is not None and found[3].problem.code is ErrorCode.CORRUPT_IMAGE


def test_bytes_that_are_no_picture_are_an_error() -> None:
    with pytest.raises(ImageError):
        list(frames_of(b"nothing", 0, 1, MAX))

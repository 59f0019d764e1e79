"""RAW: which files are, the largest embedded picture, upright once, and a sentence where there is none."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from damaged_files import costs_a_picture_or_nothing
from PIL import Image
from raw_files import LARGE, SMALL, THUMBNAIL_GREY, cr2, dng, jpeg, raf

from models.contract import InputSpec
from models.error_codes import ErrorCode
from models.filetypes import MediaKind, classify, may_be_a_thumbnail
from models.preprocessing import ImageError, ImageFacts, decode_image
from models.preprocessing.codecs import forget
from models.preprocessing.laws import LAWS, law_of
from models.raw_types import is_raw

pytest.importorskip("rawpy")

CORNERS = {"red": (255, 0, 0), "green": (0, 128, 0), "white": (255, 255, 255), "blue": (0, 0, 255)}


def corners(data: bytes) -> str:
    """Initials of the colours, clockwise from the upper left."""
    rgb = decode_image(data).rgb
    right, bottom = rgb.width - 4, rgb.height - 4
    found = [rgb.getpixel(place) for place in ((4, 4), (right, 4), (right, bottom), (4, bottom))]
    near = [min(CORNERS, key=lambda one: np.abs(np.subtract(CORNERS[one], pixel)).sum()) for pixel in found]
    return "".join(name[0] for name in near)


def refused(data: bytes, **limits: int) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data, **limits)
    return caught.value


def tiff(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(buffer, "TIFF", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        dng([SMALL, LARGE]),
        dng([LARGE, SMALL]),
        dng([LARGE], thumbnail=False),
        dng([SMALL, LARGE], linear=True),
        dng(maker="NIKON CORPORATION"),
        dng(maker="SONY"),
        dng(maker="PENTAX"),
        cr2(LARGE),
        raf(LARGE),
    ],
    ids=["dng", "larger first", "no thumbnail", "linear", "nef", "arw", "pef", "cr2", "raf"],
)
def test_the_largest_embedded_jpeg_is_the_picture(data: bytes) -> None:
    decoded = decode_image(data)
    assert decoded.facts == ImageFacts("RAW", 192, 128, 1, "preview")
    assert decoded.rgb.tobytes() == Image.open(io.BytesIO(LARGE)).convert("RGB").tobytes()


@pytest.mark.parametrize("law", LAWS)
def test_every_law_sees_the_preview_as_it_sees_the_jpeg(law: int) -> None:
    spec = InputSpec(law=law, margin=0.3 if law == 2 else None)
    seen = []
    for data in (LARGE, dng()):
        try:
            seen.append(law_of(spec).of_file(data, spec, 1 << 20).crops)
        except ImageError as error:
            assert error.facts is not None and error.facts.width == 192
            seen.append(error.code)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("files", [dng, cr2])
def test_a_preview_without_an_orientation_is_turned_as_the_file_says(files: object) -> None:
    whole = cr2(LARGE, 6) if files is cr2 else dng(orientation=6)
    assert corners(whole) == "brgw", "a quarter to the right"
    decoded = decode_image(whole)
    assert (decoded.facts.width, decoded.facts.height) == (192, 128) and decoded.rgb.size == (128, 192)


@pytest.mark.parametrize(("orientation", "colours"), [(1, "rgwb"), (3, "wbrg"), (8, "gwbr"), (2, "grbw")])
def test_every_turn_of_the_file_is_made(orientation: int, colours: str) -> None:
    assert corners(dng(orientation=orientation)) == colours


def test_a_previews_own_orientation_is_the_one_that_counts() -> None:
    assert corners(dng([jpeg(192, 128, 1)], orientation=6)) == "rgwb"
    assert corners(dng([jpeg(192, 128, 3)], orientation=6)) == "wbrg"
    assert corners(raf(jpeg(192, 128, 6))) == "brgw"


def test_a_preview_without_a_coding_is_read() -> None:
    decoded = decode_image(dng([], orientation=6))
    assert decoded.facts == ImageFacts("RAW", 16, 12, 1, "preview")
    assert decoded.rgb.size == (12, 16) and decoded.rgb.getpixel((3, 3)) == (THUMBNAIL_GREY,) * 3


def test_without_a_preview_there_is_a_sentence_and_no_development() -> None:
    error = refused(dng([], thumbnail=False))
    assert error.code is ErrorCode.UNSUPPORTED_FORMAT and error.format == "RAW"
    assert "holds no preview" in error.detail


def test_a_mosaic_of_no_camera_is_refused() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((8, 8), np.uint8), photometric=32803, metadata=None)
    error = refused(buffer.getvalue())
    assert error.code is ErrorCode.UNSUPPORTED_FORMAT and "LibRaw does not know" in error.detail


def test_limits_hold_for_the_preview_before_it_is_decoded() -> None:
    error = refused(dng(), max_pixels=192 * 128 - 1)
    assert error.code is ErrorCode.TOO_MANY_PIXELS
    assert error.facts == ImageFacts("RAW", 192, 128, None, "preview")
    large = decode_image(dng([jpeg(2400, 1600)]))
    assert (large.facts.width, large.rgb.width) == (2400, 1200), "reduced, as any JPEG is"


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_file_that_is_cut_off_gives_no_smaller_preview(kept: float) -> None:
    whole = dng()
    assert refused(whole[: int(len(whole) * kept)]).code is ErrorCode.CORRUPT_IMAGE


def test_a_file_that_is_cut_off_behind_its_preview_has_it_still() -> None:
    assert decode_image(cr2(LARGE)[:-1000]).rgb.tobytes() == decode_image(LARGE).rgb.tobytes()


def test_a_damaged_preview_is_said_of_the_file() -> None:
    error = refused(dng([LARGE[:-200]]))
    assert error.code is ErrorCode.CORRUPT_IMAGE and error.format == "RAW" and "its preview" in error.detail
    assert error.facts == ImageFacts("RAW", 192, 128, None, "preview")


def test_what_libraw_fills_a_preview_up_with_is_not_decoded() -> None:
    whole = raf(LARGE)
    for missing in (1, 10, 100, 400):
        error = refused(whole[:-missing])
        assert error.code is ErrorCode.UNSUPPORTED_FORMAT and "not whole" in error.detail


@pytest.mark.slow
def test_damage_costs_a_picture_or_nothing() -> None:
    for whole in (dng(), cr2(LARGE), raf(LARGE)):
        costs_a_picture_or_nothing(whole, 150, kept=16)


@pytest.mark.parametrize(
    "data",
    [tiff(), tiff(compression="jpeg"), tiff(big_tiff=True), b"II*\0", b"MM\0*\0\0\0\x08\0\xff", LARGE, b""],
)
def test_other_files_are_no_raw(data: bytes) -> None:
    assert not is_raw(data)


def test_directories_that_lead_in_circles_end() -> None:
    looped = bytearray(tiff())
    place = int.from_bytes(looped[4:8], "little")
    end = place + 2 + 12 * int.from_bytes(looped[place : place + 2], "little")
    looped[end : end + 4] = looped[4:8]
    assert not is_raw(bytes(looped))


def test_content_decides_and_not_the_name() -> None:
    for name in ("a.dng", "a.tif", "a.jpg", "a"):
        assert classify(name, dng()[:512]) is MediaKind.IMAGE
        assert not may_be_a_thumbnail(name, dng())
    assert may_be_a_thumbnail("a.NEF", tiff()) and not may_be_a_thumbnail("a.tif", tiff())
    assert not may_be_a_thumbnail("a.nef", LARGE)


def test_the_library_is_loaded_for_raw_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(LARGE)
    (tmp_path / "a.dng").write_bytes(dng())
    told = """
import sys
from models.preprocessing import decode_image
for name in sys.argv[1:]:
    decode_image(open(name, "rb").read())
    print("rawpy" in sys.modules, "torch" in sys.modules)
"""
    names = [str(tmp_path / name) for name in ("a.jpg", "a.dng")]
    done = subprocess.run([sys.executable, "-c", told, *names], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True", "False"]


def test_without_the_library_the_words_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    forget()
    try:
        error = refused(dng())
    finally:
        forget()
    assert error.code is ErrorCode.UNSUPPORTED_FORMAT and error.format is None
    assert 'pip install "deepfake-scanner[raw]"' in error.detail

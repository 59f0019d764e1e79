"""No TIFF layout gives other pixels than its file's: each is read as another reader reads it, or refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tiff_table
import tifffile
from PIL import Image
from tiff_files import DEFLATE, JPEG, LZW, NONE, PACKBITS, Layout, assemble, expected, samples_of, tiff

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

Tags = dict[int, tuple[int, tuple[int, ...]]]
ROWS = [(kind, bits) for kind in tiff_table.KINDS for bits in kind.bits]
TABLE = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8").splitlines()


def rgb_of(data: bytes) -> npt.NDArray[Any]:
    return np.asarray(decode_image(data).rgb).astype(int)


def refused(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    assert caught.value.format == "TIFF"
    return caught.value


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "bits"), ROWS, ids=[f"{kind.name}-{bits}" for kind, bits in ROWS])
def test_every_layout_is_read_rightly_or_refused_as_the_docs_say(kind: tiff_table.Kind, bits: int) -> None:
    assert tiff_table.row(kind, bits) in TABLE


def test_the_docs_have_the_table_and_no_further_rows() -> None:
    head = TABLE.index(tiff_table.HEAD.splitlines()[0])
    assert len([line for line in TABLE[head + 2 :] if line.startswith("|")]) == len(ROWS)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
def test_big_tiff_is_read_like_the_small_one(compression: int, big: bool) -> None:
    layout = Layout(2, 16, (2,), compression=compression, big=big)
    samples = samples_of(layout)
    assert np.abs(rgb_of(tiff(samples, layout)) - expected(samples, layout)).max() <= 1


@pytest.mark.parametrize(
    ("photometric", "bits"), [(0, 1), (0, 4), (0, 8), (1, 1), (1, 2), (1, 8), (2, 8), (3, 4), (3, 8)]
)
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("planar", [1, 2])
def test_bits_in_the_other_order_are_read_rightly_or_refused(
    photometric: int, bits: int, compression: int, planar: int
) -> None:
    layout = Layout(photometric, bits, compression=compression, planar=planar, fill=2)
    samples = samples_of(layout)
    data = tiff(samples, layout)
    try:
        rgb = rgb_of(data)
    except ImageError as error:
        assert error.code is ErrorCode.UNSUPPORTED_MODE and compression == NONE
    else:
        np.testing.assert_array_equal(rgb, expected(samples, layout))


# Luma and chroma

YCBCR = np.asarray(Image.fromarray(samples_of(Layout(2), 32, 24)).convert("YCbCr"))


@pytest.mark.parametrize("compression", [NONE, LZW, DEFLATE, PACKBITS])
@pytest.mark.parametrize("planar", [1, 2])
def test_ycbcr_in_full_size_is_read_or_refused(compression: int, planar: int) -> None:
    data = tiff(YCBCR, Layout(6, compression=compression, planar=planar, tags={530: (3, (1, 1))}))
    if (compression, planar) == (NONE, 2):
        assert refused(data).code is ErrorCode.UNSUPPORTED_MODE
    else:
        rgb = np.asarray(Image.fromarray(YCBCR, "YCbCr").convert("RGB")).astype(int)
        assert np.abs(rgb_of(data) - rgb).max() <= 1


@pytest.mark.parametrize("compression", [NONE, LZW, DEFLATE])
def test_subsampled_ycbcr_is_read_where_libtiff_unpacks_it(compression: int) -> None:
    luma = YCBCR[..., 0].reshape(12, 2, 16, 2).transpose(0, 2, 1, 3).reshape(12, 16, 4)
    chroma = YCBCR[::2, ::2, 1:]
    units = np.concatenate([luma, chroma], 2).tobytes()
    encoded = {NONE: bytes, LZW: imagecodecs.lzw_encode, DEFLATE: imagecodecs.zlib_encode}[compression](units)
    tags = strip_tags(32, 24, len(encoded)) | {259: (3, (compression,)), 262: (3, (6,)), 530: (3, (2, 2))}
    data = assemble([bytes(encoded)], tags, "<")
    if compression == NONE:
        assert "subsampled" in refused(data).detail
    else:
        full = np.concatenate([YCBCR[..., :1], chroma.repeat(2, 0).repeat(2, 1)], 2)
        rgb = np.asarray(Image.fromarray(full, "YCbCr").convert("RGB")).astype(int)
        assert np.abs(rgb_of(data) - rgb).max() <= 1


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (530, (3, ())),
        (530, (3, (2, 1))),
        (529, (3, (1, 1, 1))),
        (532, (3, (16, 235, 128, 240, 128, 240))),
    ],
)
def test_ycbcr_of_another_making_is_refused(tag: int, value: tuple[int, tuple[int, ...]]) -> None:
    data = tiff(YCBCR, Layout(6, tags={530: (3, (1, 1))} | {tag: value}))
    assert refused(data).code is ErrorCode.UNSUPPORTED_MODE


# Codecs


def strip_tags(width: int, height: int, size: int, samples: int = 3, photometric: int = 2) -> Tags:
    return {
        256: (4, (width,)), 257: (4, (height,)), 258: (3, (8,) * samples), 259: (3, (1,)), 262: (3, (photometric,)),
        273: (4, ()), 277: (3, (samples,)), 278: (3, (height,)), 279: (4, (size,)), 284: (3, (1,)),
    }  # fmt: skip


SOFT = np.asarray(Image.fromarray(samples_of(Layout(2), 8, 6)).resize((64, 48), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("sampling", ["444", "422", "420", "411"])
@pytest.mark.parametrize("tagged", [True, False])
def test_jpeg_in_tiff_is_read_as_the_jpeg_alone(sampling: str, tagged: bool) -> None:
    stream = imagecodecs.jpeg8_encode(SOFT, 95, colorspace="RGB", outcolorspace="YCBCR", subsampling=sampling)
    tags = strip_tags(64, 48, len(stream), photometric=6) | {259: (3, (JPEG,))}
    if tagged:
        tags |= {530: (3, {"444": (1, 1), "422": (2, 1), "420": (2, 2), "411": (4, 1)}[sampling])}
    np.testing.assert_array_equal(rgb_of(assemble([stream], tags, "<")), imagecodecs.jpeg8_decode(stream))


def test_jpeg_in_tiff_of_grey_rgb_and_planes() -> None:
    def jpeg(picture: npt.NDArray[Any], **options: Any) -> bytes:
        return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), 98, **options))

    rgb = jpeg(SOFT, colorspace="RGB", outcolorspace="RGB", subsampling="444")
    planes = [jpeg(SOFT[..., n]) for n in range(3)]
    jpeg_tag: Tags = {259: (3, (JPEG,))}
    in_planes: Tags = {284: (3, (2,)), 279: (4, tuple(map(len, planes)))}
    files = [
        (assemble([rgb], strip_tags(64, 48, len(rgb)) | jpeg_tag, "<"), SOFT),
        (assemble(planes, strip_tags(64, 48, 0) | jpeg_tag | in_planes, "<"), SOFT),
    ]
    for photometric, grey in ((1, SOFT[..., :1]), (0, 255 - SOFT[..., :1])):
        tags = strip_tags(64, 48, len(planes[0]), 1, photometric) | jpeg_tag
        files.append((assemble(planes[:1], tags, "<"), grey.repeat(3, 2)))
    for data, picture in files:
        assert np.abs(rgb_of(data) - picture).max() <= 4


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])
def test_fax_codecs_are_read_rightly(compression: str, photometric: int) -> None:
    bits = samples_of(Layout(1, 1), 40, 30)[..., 0].astype(bool)
    stream = io.BytesIO()
    tags = {262: photometric}
    Image.fromarray(bits).save(stream, "TIFF", compression=compression, tiffinfo=tags)
    data = stream.getvalue()
    page = stored_bits(data)
    np.testing.assert_array_equal(rgb_of(data)[..., 0], np.where(page ^ (photometric == 0), 255, 0))
    np.testing.assert_array_equal(rgb_of(data)[..., 0], np.where(bits, 255, 0))


def stored_bits(data: bytes) -> npt.NDArray[Any]:
    return np.asarray(tifffile.TiffFile(io.BytesIO(data)).pages[0].asarray()).astype(bool)


def test_zstandard_and_lzma_are_read_rightly() -> None:
    for number, encode in ((50000, imagecodecs.zstd_encode), (34925, imagecodecs.lzma_encode)):
        stream = bytes(encode(SOFT.tobytes()))
        data = assemble([stream], strip_tags(64, 48, len(stream)) | {259: (3, (number,))}, "<")
        np.testing.assert_array_equal(rgb_of(data), SOFT)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (34712, "JPEG 2000"),
        (34887, "LERC"),
        (34933, "PNG"),
        (34934, "JPEG XR"),
        (50002, "JPEG XL"),
        (64000, "codec 64000"),
    ],
)
def test_codecs_that_pillow_lacks_are_an_unsupported_format(number: int, name: str) -> None:
    data = tiff(samples_of(Layout()), Layout(tags={259: (3, (number,))}))
    error = refused(data)
    assert error.code is ErrorCode.UNSUPPORTED_FORMAT and name in error.detail and "convert" in error.detail
    assert error.facts is not None and (error.facts.width, error.facts.height) == (21, 18)


@pytest.mark.parametrize(
    "tags",
    [
        {332: (3, (2,))},  # inks that are not cyan, magenta, yellow and black
        {317: (3, (2,))},  # a predictor that the codec does not have
        {259: (3, (4,))},  # a fax of 8 bits
        {258: (3, (5, 6, 5, 8))},
        {277: (3, (9,)), 258: (3, (8,) * 9)},
    ],
)  # fmt: skip
def test_further_kinds_are_refused(tags: Tags) -> None:
    error = refused(tiff(samples_of(Layout(5)), Layout(5, tags=tags)))
    assert error.code is ErrorCode.UNSUPPORTED_MODE and "convert" in error.detail


def test_a_fourth_sample_that_no_tag_explains_is_alpha() -> None:
    layout = Layout(2, 8, (2,))
    samples = samples_of(layout)
    data = tiff(samples, Layout(2, 8, (2,), tags={338: (3, ())}))
    assert np.abs(rgb_of(data) - expected(samples, layout)).max() <= 1


def test_a_palette_of_8_bits_where_16_are_due_is_refused() -> None:
    layout = Layout(3, tags={320: (3, tuple(range(256)) * 3)})
    assert refused(tiff(samples_of(layout), layout)).code is ErrorCode.UNSUPPORTED_MODE


def test_lab_is_converted_by_the_rules_of_cie() -> None:
    """L* 50, a* 20, b* -30 under D50, by CIE 15 and the sRGB matrix with Bradford adaptation."""
    samples = np.full((18, 21, 3), (128, 20, 226), np.uint8)
    layout = Layout(8)
    assert np.abs(rgb_of(tiff(samples, layout))[0, 0] - (133, 109, 171)).max() <= 3

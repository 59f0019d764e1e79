"""PNG: every colour type and bit depth shows what it holds, and nothing beside the pixels costs the picture."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from png_files import CHANNELS, GREY, PALETTE, RGB, chunk, expected, png

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

DEPTHS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
          (4, 8), (4, 16), (6, 8), (6, 16)]  # fmt: skip
RANDOM = np.random.default_rng(6)
PICTURE = RANDOM.integers(0, 256, (12, 10, 3))
PLAIN = png(PICTURE, RGB, 8)
MIB = 1 << 20


def rgb_of(data: bytes) -> npt.NDArray[Any]:
    return np.asarray(decode_image(data).rgb).astype(int)


def error_of(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    return caught.value


# Pixels


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "bits"), DEPTHS)
def test_every_colour_type_and_depth_is_read_rightly(colour: int, bits: int, interlaced: bool) -> None:
    samples = RANDOM.integers(0, 1 << bits, (19, 21, CHANNELS[colour]))
    palette = RANDOM.integers(0, 256, 3 << bits).astype(np.uint8).tobytes() if colour == PALETTE else b""
    data = png(samples, colour, bits, interlaced=interlaced, palette=palette)
    assert np.abs(rgb_of(data) - expected(samples, colour, bits, palette)).max() <= 1
    if bits >= 8 and colour != PALETTE and not interlaced:
        np.testing.assert_array_equal(imagecodecs.png_decode(data).reshape(samples.shape), samples)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "bits"), [depth for depth in DEPTHS if depth[0] <= 3])
def test_a_transparent_colour_is_white_and_no_other_is(colour: int, bits: int, interlaced: bool) -> None:
    samples = RANDOM.integers(0, 1 << bits, (19, 21, CHANNELS[colour]))
    samples[3:7, 5] = samples[0, 0]
    palette = RANDOM.integers(0, 256, 3 << bits).astype(np.uint8).tobytes() if colour == PALETTE else b""
    if colour == PALETTE:
        keys = [b"\0", b"\xff\0", RANDOM.integers(0, 256, 1 << bits).astype(np.uint8).tobytes()]
    else:
        keys = [struct.pack(f">{CHANNELS[colour]}H", *samples[0, 0].tolist())]
    for key in keys:
        data = png(samples, colour, bits, interlaced=interlaced, palette=palette, transparent=key)
        assert np.abs(rgb_of(data) - expected(samples, colour, bits, palette, key)).max() <= 1


def test_colours_beside_a_transparent_one_of_16_bits_stay() -> None:
    """They have the same high bytes, of which Pillow gives no others."""
    samples = np.array([[[0x1234, 0x5678, 0x9ABC], [0x1235, 0x5678, 0x9ABC], [0x1234, 0x5679, 0x9ABC]]])
    data = png(samples, RGB, 16, transparent=struct.pack(">3H", *samples[0, 0].tolist()))
    assert rgb_of(data).tolist() == [[[255, 255, 255], [0x12, 0x56, 0x9A], [0x12, 0x56, 0x9A]]]
    assert decode_image(data).facts.frames == 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_bits_of_a_transparent_grey_above_the_depth_are_ignored(bits: int) -> None:
    samples = RANDOM.integers(0, 1 << bits, (9, 9, 1))
    low = samples[0, 0, 0].item()
    data = png(samples, GREY, bits, transparent=struct.pack(">H", low + (1 << bits)))
    np.testing.assert_array_equal(rgb_of(data), expected(samples, GREY, bits, b"", struct.pack(">H", low)))


@pytest.mark.parametrize("colour", [GREY, RGB])
def test_a_transparent_colour_behind_the_pixels_has_no_meaning(colour: int) -> None:
    samples = RANDOM.integers(0, 256, (9, 9, CHANNELS[colour]))
    late = chunk(b"tRNS", struct.pack(f">{CHANNELS[colour]}H", *samples[0, 0].tolist()))
    np.testing.assert_array_equal(rgb_of(png(samples, colour, 8, behind=late)), expected(samples, colour, 8))


def test_apples_variant_is_an_unsupported_format() -> None:
    at = 8
    error = error_of(PLAIN[:at] + chunk(b"CgBI", b"\x50\0\x20\x06") + PLAIN[at:].replace(b"IDAT", b"IDAU"))
    assert error.code is ErrorCode.UNSUPPORTED_FORMAT and error.format == "PNG"


# Metadata

TEXT = b'{"node": 1}' * (3 * MIB // 11)
LARGE = {
    "zTXt": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(TEXT)),
    "iTXt": chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(TEXT)),
    "iCCP": chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(3 * MIB))),
    "70 MiB of texts": b"".join(chunk(b"tEXt", b"note %d\0" % n + bytes(7 * MIB)) for n in range(10)),
}
BROKEN = {
    "iCCP of no codec": chunk(b"iCCP", b"profile\0\7" + zlib.compress(b"x")),
    "iCCP without a body": chunk(b"iCCP", b""),
    "zTXt of no codec": chunk(b"zTXt", b"note\0\7rest"),
    "zTXt not deflated": chunk(b"zTXt", b"note\0\0rest"),
    "gAMA": chunk(b"gAMA", b"\0"),
    "cHRM": chunk(b"cHRM", b"\0" * 7),
    "sRGB": chunk(b"sRGB", b""),
    "pHYs": chunk(b"pHYs", b"\0" * 5),
    "eXIf": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xffrubbish"),
    "eXIf in a text": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 9\nno hex"),
    "acTL": chunk(b"acTL", b"\0\0"),
    "fcTL": chunk(b"fcTL", b"\0" * 9),
}


@pytest.mark.parametrize("where", ["before", "behind"])
@pytest.mark.parametrize("chunks", [*LARGE.values(), *BROKEN.values()], ids=[*LARGE, *BROKEN])
def test_chunks_beside_the_pixels_never_cost_the_picture(chunks: bytes, where: str) -> None:
    decoded = decode_image(png(PICTURE, RGB, 8, **{where: chunks}))
    np.testing.assert_array_equal(np.asarray(decoded.rgb), PICTURE)
    assert (decoded.facts.width, decoded.facts.height) == (10, 12)


def test_a_large_text_leaves_the_number_of_frames() -> None:
    assert decode_image(png(PICTURE, RGB, 8, before=LARGE["zTXt"])).facts.frames == 1


@pytest.mark.parametrize(
    "frame",
    [
        (0, 4, 12, 0, 0),
        (0, 10, 4, 0, 0),
        (0, 10, 6, 0, 6),
        (0, 99, 99, 0, 0),
        (5, 10, 12, 0, 0),
        (0, 0, 0, 0, 0),
    ],
)
def test_a_first_frame_of_another_size_is_no_animation(frame: tuple[int, ...]) -> None:
    control = chunk(b"acTL", struct.pack(">LL", 2, 0)) + chunk(
        b"fcTL", struct.pack(">LLLLLHHBB", *frame, 1, 1, 0, 0)
    )
    np.testing.assert_array_equal(rgb_of(png(PICTURE, RGB, 8, before=control)), PICTURE)


@pytest.mark.slow
def test_a_bomb_in_a_text_costs_no_memory() -> None:
    bomb = zlib.compressobj()
    body = b"".join(bomb.compress(bytes(MIB)) for _ in range(200)) + bomb.flush()
    data = png(PICTURE, RGB, 8, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + body))
    tracemalloc.start()
    np.testing.assert_array_equal(rgb_of(data), PICTURE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * MIB


@pytest.mark.parametrize("kind", ["plain", "compressed"])
def test_an_orientation_survives_a_large_text_beside_it(kind: str) -> None:
    xmp = b'<x tiff:Orientation="3"/>' + b" " * (2 * MIB)
    text = zlib.compress(xmp) if kind == "compressed" else xmp
    head = b"XML:com.adobe.xmp\0" + (b"\1" if kind == "compressed" else b"\0") + b"\0\0\0"
    data = png(PICTURE, RGB, 8, before=chunk(b"iTXt", head + text) + LARGE["zTXt"])
    np.testing.assert_array_equal(rgb_of(data), PICTURE[::-1, ::-1])
    exif = Image.Exif()
    exif[0x0112] = 3
    data = png(PICTURE, RGB, 8, before=chunk(b"eXIf", exif.tobytes()[6:]) + LARGE["iCCP"])
    np.testing.assert_array_equal(rgb_of(data), PICTURE[::-1, ::-1])


@settings(max_examples=300)
@given(
    st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"eXIf", b"acTL",
                     b"fcTL", b"tIME", b"sBIT", b"bKGD", b"hIST", b"sPLT", b"oFFs", b"caBX", b"prVt", b"IHDr"]),
    st.binary(max_size=60),
    st.booleans(),
)  # fmt: skip
def test_any_content_of_any_chunk_leaves_the_pixels(kind: bytes, body: bytes, before: bool) -> None:
    where = "before" if before else "behind"
    np.testing.assert_array_equal(rgb_of(png(PICTURE, RGB, 8, **{where: chunk(kind, body)})), PICTURE)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_damage_stays_damage_beside_large_metadata(name: str) -> None:
    data = png(PICTURE, RGB, 8, before=LARGE[name])
    at = data.index(b"IDAT")
    for damaged in (data[: at + 30], data[: at + 20] + b"\xff\xff\xff" + data[at + 23 :], data[: at - 9]):
        error = error_of(damaged)
        assert error.code is ErrorCode.CORRUPT_IMAGE
        assert error.facts is not None and (error.facts.width, error.facts.height) == (10, 12)


@pytest.mark.parametrize("kind", [b"eXIf", b"iCCP", b"tEXt", b"gAMA"])
@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_wrong_checksum_of_metadata_costs_no_picture(kind: bytes, where: str) -> None:
    broken = chunk(kind, b"profile\0\0x")[:-1] + b"?"
    np.testing.assert_array_equal(rgb_of(png(PICTURE, RGB, 8, **{where: broken})), PICTURE)


@pytest.mark.parametrize("kind", [b"tRNS", b"PLTE", b"tSNS"])
def test_a_wrong_checksum_of_what_may_make_pixels_is_damage(kind: bytes) -> None:
    broken = chunk(kind, b"\0\1\0\2\0\3")[:-1] + b"?"
    assert error_of(png(PICTURE, RGB, 8, before=broken)).code is ErrorCode.CORRUPT_IMAGE

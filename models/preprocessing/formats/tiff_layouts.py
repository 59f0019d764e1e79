"""Which TIFF layouts Pillow reads rightly, held true by ``tests/models/test_tiff_layouts.py`` against another reader.

Sources: TIFF 6.0 and its supplements; Pillow's ``TiffImagePlugin`` and ``TiffDecode.c``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.preprocessing.errors import Refusal, unsupported_format, unsupported_mode

NO_COMPRESSION, LZW, JPEG, DEFLATE, OLD_DEFLATE, LZMA, ZSTD = 1, 5, 7, 8, 32946, 34925, 50000
CODECS = {
    1: "nothing",
    2: "CCITT Huffman",
    3: "CCITT group 3",
    4: "CCITT group 4",
    5: "LZW",
    6: "old-style JPEG",
    7: "JPEG",
    8: "Deflate",
    32771: "CCITT Huffman in words",
    32773: "PackBits",
    32809: "ThunderScan",
    32946: "Deflate",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv 24",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
}
"""Numbers that Pillow knows."""
_OTHERS = {
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT 2-bit",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG (DNG)",
    34933: "PNG",
    34934: "JPEG XR",
    50002: "JPEG XL",
    52546: "JPEG XL (DNG)",
}
_PRIVATE = 32_768
"""From here on numbers are given to whoever asks."""
_BITS_OF_CODEC = {2: 1, 3: 1, 4: 1, 32771: 1, 32809: 4}
_PREDICTORS = frozenset({2, 3, 34892, 34893, 34894})
_CODECS_WITH_PREDICTOR = frozenset({LZW, DEFLATE, OLD_DEFLATE, LZMA, ZSTD})

_COLOURS = {
    0: "grey (white is 0)",
    1: "grey",
    2: "RGB",
    3: "palette",
    4: "mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIE Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32803: "camera mosaic",
    32844: "LogL",
    32845: "LogLuv",
    34892: "linear raw",
}
_WHITE_IS_0, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_SIGNED, _FLOAT = 2, 3
_FORMATS = {_SIGNED: "signed ", _FLOAT: "floating-point ", 4: "untyped ", 5: "complex ", 6: "complex "}
_UNASSOCIATED = 2
_REC_601 = (0.299, 0.587, 0.114)
_FULL_RANGE: tuple[float, ...] = (0, 255, 128, 255, 128, 255)


@dataclass(frozen=True)
class Layout:
    """The tags that say how pixels are stored."""

    little: bool
    compression: int
    photometric: int
    bits: tuple[int, ...]
    formats: frozenset[int]
    extra: tuple[int, ...]
    planar: bool
    predictor: int
    mirrored: bool
    """Bits of a byte in the other order."""
    subsampling: tuple[int, ...]
    coefficients: tuple[float, ...]
    black_white: tuple[float, ...]
    ink_set: int
    brightest: int | None
    """The highest value in the palette, of 65,535."""

    @classmethod
    def of(cls, tags: Any) -> Layout:
        """From Pillow's ``ImageFileDirectory_v2``; raises what it runs into when tags are damaged."""
        compression = int(tags.get(259, 1))
        palette = tags.get(320)
        bits = tuple(tags.get(258, (1,)))
        return cls(
            little=tags.prefix == b"II",
            compression=compression,
            photometric=_YCBCR if compression == 6 else int(tags.get(262, 0)),
            bits=bits[: max(1, int(tags.get(277, len(bits))))],  # more of them mean nothing
            formats=frozenset(tags.get(339, (1,))),
            extra=tuple(tags.get(338, ())),
            planar=tags.get(284, 1) == 2,
            predictor=int(tags.get(317, 1)),
            mirrored=tags.get(266, 1) == 2,
            subsampling=tuple(tags.get(530, (2, 2))),
            coefficients=tuple(map(float, tags.get(529, _REC_601))),
            black_white=tuple(map(float, tags.get(532, _FULL_RANGE))),
            ink_set=int(tags.get(332, 1)),
            brightest=max(palette) if palette else None,
        )

    def __str__(self) -> str:
        colours = _COLOURS.get(self.photometric, f"unknown colours ({self.photometric})")
        kind = _FORMATS.get(max(self.formats), "")
        bits = "+".join(map(str, dict.fromkeys(self.bits)))
        further = f", {len(self.extra)} further a pixel" if self.extra else ""
        return f"{colours} in {kind}samples of {bits} bits{further}{', in planes' if self.planar else ''}"

    @property
    def compressed(self) -> bool:
        return self.compression != NO_COMPRESSION

    def refusal(self) -> Refusal | None:
        """Why it is not decoded: Pillow does not know it, or gives other pixels than the file's."""
        for rule in (_codec, _samples, _planes, _bit_order, _colours, _prediction):
            refused = rule(self)
            if refused is not None:
                return refused
        return None


def _codec(layout: Layout) -> Refusal | None:
    number = layout.compression
    if number not in CODECS and number not in _OTHERS and number < _PRIVATE:
        return None  # no codec: damage, or what Pillow makes of it
    if number not in CODECS:
        return unsupported_format(f"a TIFF compressed with {_OTHERS.get(number, f'codec {number}')}")
    if set(layout.bits) != {_BITS_OF_CODEC.get(number, layout.bits[0])}:
        return unsupported_mode(f"a TIFF with {layout}, compressed with {CODECS[number]}")
    return None


def _samples(layout: Layout) -> Refusal | None:
    if _FLOAT in layout.formats:
        return unsupported_mode("a TIFF with floating-point pixels, which have no fixed range")
    if _SIGNED in layout.formats and (8 in layout.bits or (layout.compressed and not layout.little)):
        return unsupported_mode(f"a TIFF with {layout}, whose sign Pillow misreads")
    return None


def _planes(layout: Layout) -> Refusal | None:
    if not layout.planar:
        return None
    kind, extra = layout.photometric, layout.extra
    if layout.photometric == _YCBCR:
        right = layout.compressed and layout.subsampling == (1, 1)
    elif layout.compressed:
        # Extra samples of no stated meaning are left out; of others, libtiff and Pillow agree on one, in RGB.
        right = not any(extra) or (kind == _RGB and len(extra) == 1)
    elif set(layout.bits) == {8}:
        right = kind in (_GREY, _RGB, _PALETTE, _CMYK) and (
            not extra or (kind, extra) == (_RGB, (_UNASSOCIATED,))
        )
        right = right and not layout.mirrored
    else:
        right = (kind, layout.bits, extra, layout.mirrored) == (_GREY, (1,), (), False)
    return None if right else unsupported_mode(f"a TIFF with {layout}, which Pillow misreads")


def _bit_order(layout: Layout) -> Refusal | None:
    of_8_bits = layout.photometric == _WHITE_IS_0 and 8 in layout.bits
    if layout.mirrored and not layout.compressed and (of_8_bits or layout.photometric == _PALETTE):
        return unsupported_mode(f"a TIFF with {layout} and bits in the other order")
    return None


def _colours(layout: Layout) -> Refusal | None:
    if layout.photometric == _YCBCR:
        return _luma_and_chroma(layout)
    if layout.photometric == _CMYK and layout.ink_set != 1:
        return unsupported_mode("a TIFF of inks other than cyan, magenta, yellow and black")
    if layout.photometric == _PALETTE and layout.brightest is not None and 0 < layout.brightest < 256:
        return unsupported_mode("a TIFF whose palette is nearly black, or has 8 bits where 16 are due")
    return None


def _luma_and_chroma(layout: Layout) -> Refusal | None:
    if not layout.compressed and layout.subsampling != (1, 1):
        return unsupported_mode("an uncompressed TIFF of subsampled YCbCr")
    usual = all(abs(one - other) < 0.001 for one, other in zip(layout.coefficients, _REC_601, strict=True))
    if not usual or layout.black_white != _FULL_RANGE:
        return unsupported_mode("a TIFF of YCbCr with coefficients or a range of its own")
    return None


def _prediction(layout: Layout) -> Refusal | None:
    if layout.predictor in _PREDICTORS and layout.compression not in _CODECS_WITH_PREDICTOR:
        return unsupported_mode("a TIFF with a predictor and a codec that has none")
    if layout.predictor in _PREDICTORS - {2}:
        return unsupported_mode(f"a TIFF of integers with predictor {layout.predictor}")
    return None

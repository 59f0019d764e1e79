"""TIFF files of any layout, written by the rules of TIFF 6.0 and its supplements; for tests that compare readers."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from reference_law import cmyk, high_8_bits, nearest_8_bits, over_white

NONE, LZW, JPEG, DEFLATE, PACKBITS = 1, 5, 7, 8, 32773
_ENCODE = {
    NONE: bytes,
    LZW: imagecodecs.lzw_encode,
    DEFLATE: imagecodecs.zlib_encode,
    PACKBITS: imagecodecs.packbits_encode,
}


@dataclass(frozen=True)
class Layout:
    """How samples are stored; the defaults are those of a plain grey file."""

    photometric: int = 1
    bits: int = 8
    extra: tuple[int, ...] = ()
    format: int = 1
    """1 unsigned, 2 signed, 3 floating point."""
    order: str = "<"
    planar: int = 1
    compression: int = NONE
    predictor: int = 1
    tiled: bool = False
    """Tiles of 16×16 instead of strips of 5 rows."""
    fill: int = 1
    """Order of bits in bytes."""
    big: bool = False
    """BigTIFF."""
    tags: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    """Further ones or others: number to (type, values); without values, left out."""

    @property
    def samples(self) -> int:
        return {2: 3, 5: 4, 6: 3, 8: 3}.get(self.photometric, 1) + len(self.extra)

    def stored_type(self) -> np.dtype[Any]:
        """Of an array of samples; fewer than 8 bits and 12 are packed."""
        if self.format == 3:
            return np.dtype(f"f{self.bits // 8}")
        width = next(size for size in (8, 16, 32, 64) if self.bits <= size) // 8
        return np.dtype(f"{'i' if self.format == 2 else 'u'}{width}")


def tiff(pixels: npt.NDArray[Any], layout: Layout) -> bytes:
    """The file of ``pixels[height, width, samples]`` in :meth:`Layout.stored_type`."""
    assert pixels.ndim == 3 and pixels.shape[2] == layout.samples and pixels.dtype == layout.stored_type()
    planes = np.split(pixels, layout.samples, axis=2) if layout.planar == 2 else [pixels]
    segments = [_segment(block, layout) for plane in planes for block in _blocks(plane, layout)]
    return assemble(segments, _tags(pixels, layout, segments), layout.order, big=layout.big)


def assemble(
    segments: list[bytes], tags: dict[int, tuple[int, tuple[int, ...]]], order: str, *, big: bool = False
) -> bytes:
    """A file of one directory behind its segments; tag 273 or 324 (offsets) is filled in."""
    word, count, start = ("Q", "Q", 16) if big else ("I", "H", 8)
    offsets, at = [], start
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    body = b"".join(segments)
    for number in (273, 324):
        if number in tags:
            tags = tags | {number: (tags[number][0], tuple(offsets))}
    behind = at + len(body) % 2
    body += b"\0" * (len(body) % 2)
    inline = struct.calcsize(word)
    entry = f"{order}HH{word}"
    outside = behind + struct.calcsize(order + count) + len(tags) * (struct.calcsize(entry) + inline) + inline
    directory, values = struct.pack(order + count, len(tags)), b""
    for number, (kind, numbers) in sorted(tags.items()):
        raw = b"".join(
            struct.pack(order + {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}[kind], n) for n in numbers
        )
        if len(raw) > inline:
            place = struct.pack(order + word, outside + len(values))
            values += raw + b"\0" * (len(raw) % 2)
            raw = place
        directory += struct.pack(entry, number, kind, len(numbers)) + raw.ljust(inline, b"\0")
    magic = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "H", 43 if big else 42)
    header = magic + (struct.pack(order + "HHQ", 8, 0, behind) if big else struct.pack(order + "I", behind))
    return header + body + directory + bytes(inline) + values


def _blocks(plane: npt.NDArray[Any], layout: Layout) -> list[npt.NDArray[Any]]:
    if not layout.tiled:
        return [plane[top : top + 5] for top in range(0, plane.shape[0], 5)]
    height, width, _ = plane.shape
    padded = np.pad(plane, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    return [
        padded[top : top + 16, left : left + 16]
        for top in range(0, height, 16)
        for left in range(0, width, 16)
    ]


def _segment(block: npt.NDArray[Any], layout: Layout) -> bytes:
    if layout.predictor == 2:
        difference = block.copy()
        difference[:, 1:] = block[:, 1:] - block[:, :-1]
        block = difference
    rows = block.reshape(block.shape[0], -1)
    if layout.predictor == 3:
        stored = np.frombuffer(rows.astype(rows.dtype.newbyteorder(">")).tobytes(), np.uint8).reshape(
            rows.shape[0], rows.shape[1], rows.dtype.itemsize
        )
        planes = stored.transpose(0, 2, 1).reshape(rows.shape[0], -1)
        samples = block.shape[2]
        shifted = planes.copy()
        shifted[:, samples:] = planes[:, samples:] - planes[:, :-samples]
        raw = shifted.tobytes()
    elif layout.bits in (8, 16, 32, 64):
        raw = rows.astype(rows.dtype.newbyteorder(layout.order)).tobytes()
    else:
        bits = (rows[..., None].astype(np.int64) >> np.arange(layout.bits - 1, -1, -1)) & 1
        raw = np.packbits(bits.reshape(rows.shape[0], -1).astype(np.uint8), axis=1).tobytes()
    encoded = bytes(_ENCODE[layout.compression](raw))
    return encoded.translate(_MIRRORED) if layout.fill == 2 else encoded


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _tags(
    pixels: npt.NDArray[Any], layout: Layout, segments: list[bytes]
) -> dict[int, tuple[int, tuple[int, ...]]]:
    height, width, samples = pixels.shape
    offset = 16 if layout.big else 4
    tags: dict[int, tuple[int, tuple[int, ...]]] = {
        256: (4, (width,)), 257: (4, (height,)), 258: (3, (layout.bits,) * samples),
        259: (3, (layout.compression,)), 262: (3, (layout.photometric,)), 277: (3, (samples,)),
        284: (3, (layout.planar,)), 339: (3, (layout.format,) * samples),
    }  # fmt: skip
    if layout.tiled:
        tags |= {322: (3, (16,)), 323: (3, (16,)), 324: (offset, ()), 325: (4, tuple(map(len, segments)))}
    else:
        tags |= {278: (3, (5,)), 273: (offset, ()), 279: (4, tuple(map(len, segments)))}
    if layout.predictor != 1:
        tags[317] = (3, (layout.predictor,))
    if layout.extra:
        tags[338] = (3, layout.extra)
    if layout.fill != 1:
        tags[266] = (3, (layout.fill,))
    if layout.photometric == 3:
        tags[320] = (3, _palette(layout.bits))
    tags |= layout.tags
    return {number: value for number, value in tags.items() if value[1] or number in (273, 324)}


def samples_of(layout: Layout, width: int = 21, height: int = 18, seed: int = 1) -> npt.NDArray[Any]:
    """A smooth picture with noise over the full range of the type, so that every byte of a sample counts."""
    rng = np.random.default_rng(seed)
    ramp = (np.arange(height)[:, None, None] / height + np.arange(width)[None, :, None] / width) / 2
    unit = (
        ramp + np.arange(layout.samples) * 0.17 + rng.uniform(0, 0.2, (height, width, layout.samples))
    ) % 1
    if layout.format == 3:
        return unit.astype(layout.stored_type())
    low = -(2 ** (layout.bits - 1)) if layout.format == 2 else 0
    samples = (np.floor(unit * 2**layout.bits) + low).astype(layout.stored_type())
    if layout.extra and layout.extra[0] == 1:  # premultiplied: no colour is above its alpha
        colours = layout.samples - len(layout.extra)
        samples[..., :colours] = np.minimum(samples[..., :colours], samples[..., colours, None])
    return samples


def expected(samples: npt.NDArray[Any], layout: Layout) -> npt.NDArray[Any]:
    """The pixels by the law, ``[height, width, 3]``; of grey, RGB, palette and CMYK."""
    grey = layout.photometric in (0, 1)
    if layout.bits <= 8 or (grey and not layout.extra):
        values = nearest_8_bits(samples, layout.bits, signed=layout.format == 2)
    else:
        values = high_8_bits(samples, layout.bits)
    if layout.photometric == 3:
        stored = layout.tags.get(320, (3, _palette(layout.bits)))[1]
        rgb = (np.array(stored).reshape(3, -1) // 256)[:, samples[..., 0]].transpose(1, 2, 0)
    elif layout.photometric == 5:
        rgb = cmyk(values[..., :4])
    elif grey:
        rgb = np.repeat(values[..., :1], 3, axis=2)
        rgb = 255 - rgb if layout.photometric == 0 else rgb
    else:
        rgb = values[..., :3]
    if not layout.extra or layout.extra[0] not in (1, 2):
        return rgb
    alpha = values[..., layout.samples - len(layout.extra), None]
    return over_white(rgb, alpha, premultiplied=layout.extra[0] == 1)


def _palette(bits: int) -> tuple[int, ...]:
    return tuple((n * 7919 + 257 * n) % 65536 for n in range(3 << bits))

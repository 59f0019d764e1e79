"""The table of TIFF layouts in docs/files.md: ``python tests/helpers/tiff_table.py`` prints it, a test compares."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from tiff_files import DEFLATE, LZW, NONE, PACKBITS, Layout, expected, samples_of, tiff

from models.error_codes import ErrorCode
from models.preprocessing import ImageError, decode_image

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
_CODINGS = ((NONE, 1), (LZW, 1), (LZW, 2), (DEFLATE, 1), (DEFLATE, 2), (DEFLATE, 3), (PACKBITS, 1))
_TOLERANCE = 1
"""Of 255: colours with alpha are rounded twice."""


@dataclass(frozen=True)
class Kind:
    """A row of the table: samples of one meaning and type."""

    name: str
    photometric: int
    bits: tuple[int, ...]
    extra: tuple[int, ...] = ()
    format: int = UNSIGNED


KINDS = (
    Kind("grey, white is 0", 0, (1, 2, 4, 8, 16)),
    Kind("grey", 1, (1, 2, 4, 8, 12, 16, 32)),
    Kind("grey, signed", 1, (8, 16, 32), (), SIGNED),
    Kind("grey, floating point", 1, (16, 32), (), FLOAT),
    Kind("grey + alpha", 1, (8, 16), (2,)),
    Kind("grey + premultiplied alpha", 1, (8,), (1,)),
    Kind("grey + sample without a meaning", 1, (8,), (0,)),
    Kind("RGB", 2, (8, 16, 32)),
    Kind("RGB, signed", 2, (8, 16), (), SIGNED),
    Kind("RGB, floating point", 2, (32,), (), FLOAT),
    Kind("RGB + alpha", 2, (8, 16, 32), (2,)),
    Kind("RGB + premultiplied alpha", 2, (8, 16), (1,)),
    Kind("RGB + sample without a meaning", 2, (8, 16), (0,)),
    Kind("RGB + alpha + sample without a meaning", 2, (8,), (2, 0)),
    Kind("palette", 3, (1, 2, 4, 8, 16)),
    Kind("palette + alpha", 3, (8,), (2,)),
    Kind("CMYK", 5, (8, 16, 32)),
    Kind("CMYK + alpha", 5, (8,), (2,)),
    Kind("CMYK + sample without a meaning", 5, (8,), (0,)),
)


def layouts(kind: Kind, bits: int) -> Iterator[Layout]:
    """Every way to store a kind: plane by plane or not, codec and predictor, strips and tiles, both byte orders."""
    for planar in (1, 2):
        for compression, predictor in _CODINGS:
            if predictor == 2 and (bits not in (8, 16, 32) or kind.format == FLOAT):
                continue
            if predictor == 3 and kind.format != FLOAT:
                continue
            for tiled in (False, True):
                for order in "<>":
                    yield Layout(
                        kind.photometric,
                        bits,
                        kind.extra,
                        kind.format,
                        order,
                        planar,
                        compression,
                        predictor,
                        tiled,
                    )


def outcome(layout: Layout, samples: npt.NDArray[Any], pixels: npt.NDArray[Any]) -> str:
    """``read`` or ``refused``; raises ``AssertionError`` for other pixels or another error."""
    data = tiff(samples, layout)
    try:
        rgb = np.asarray(decode_image(data).rgb).astype(int)
    except ImageError as error:
        assert error.code is ErrorCode.UNSUPPORTED_MODE, f"{layout}: {error}"
        assert error.facts is not None and (error.facts.width, error.facts.height) == samples.shape[1::-1]
        return "refused"
    other = tifffile.TiffFile(io.BytesIO(data)).pages[0].asarray()
    if layout.planar == 2 and layout.samples > 1:
        other = other.transpose(1, 2, 0)
    assert np.array_equal(other.reshape(samples.shape), samples), f"{layout}: the other reader differs"
    difference = np.abs(rgb - pixels).max()
    assert difference <= _TOLERANCE, f"{layout}: {difference} of 255"
    return "read"


def row(kind: Kind, bits: int) -> str:
    """A line of the table."""
    cells: dict[tuple[int, bool], dict[str, set[str]]] = {}
    plain = Layout(kind.photometric, bits, kind.extra, kind.format)
    samples = samples_of(plain)
    pixels = expected(samples, plain)
    for layout in layouts(kind, bits):
        place = (layout.planar, layout.compression != NONE)
        cells.setdefault(place, {}).setdefault(layout.order, set()).add(outcome(layout, samples, pixels))
    return f"| {kind.name} | {bits} | {' | '.join(_cell(cells[place]) for place in sorted(cells))} |"


def _cell(by_order: dict[str, set[str]]) -> str:
    little, big = by_order["<"], by_order[">"]
    assert len(little) == len(big) == 1, "codec, predictor or tiles decide: the table needs a column for them"
    (first,), (second,) = little, big
    return first if first == second else f"II {first}, MM {second}"


HEAD = """| pixels | bits | interleaved | interleaved, compressed | in planes | in planes, compressed |
|---|---|---|---|---|---|"""


def table() -> str:
    """The whole of it, as Markdown."""
    return "\n".join((HEAD, *(row(kind, bits) for kind in KINDS for bits in kind.bits)))


if __name__ == "__main__":
    print(table())

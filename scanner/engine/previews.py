"""Small pictures for people, decoded under the same guard as everything else."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING

from models.contract import InputSpec
from models.faces.rules import LAWS_OWN, FaceRules
from scanner.media import Limits
from scanner.results import FileResult, Region
from scanner.results.names import decode_path
from scanner.results.preview import Preview
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted
from scanner.sources import Candidate, MediaKind

if TYPE_CHECKING:
    from PIL import Image

JUDGED_EDGE = 128
PICTURE_EDGE = 400
"""Of the longer side."""
QUALITY = 75


def previews(
    results: Sequence[FileResult], limits: Limits, spec: InputSpec, faces: FaceRules
) -> Iterator[Preview | None]:
    """One for each, as the model saw it; ``None`` where the file has changed since, or is gone."""
    squares = [
        None if seen is None else _jpeg(_square(seen, result, spec), (JUDGED_EDGE, JUDGED_EDGE))
        for result, seen in zip(results, _seen_again(results, limits, spec, faces), strict=True)
    ]
    # The whole picture is what version 1 makes of it, whatever the model judges.
    whole = InputSpec(size=PICTURE_EDGE)
    has_faces = spec.margin is not None
    pictures = _seen_again(results, limits, whole, LAWS_OWN) if has_faces else repeat(None, len(results))
    for result, square, picture in zip(results, squares, pictures, strict=True):
        if square is None:
            yield None
        elif picture is None or result.deciding is None or result.deciding.face is None:
            yield Preview(square)
        else:
            image = _image(picture.pictures[0].pixels, PICTURE_EDGE)
            yield Preview(square, _jpeg(image, _size(result.deciding.region)))


def _seen_again(
    results: Sequence[FileResult], limits: Limits, spec: InputSpec, faces: FaceRules
) -> Iterator[Extracted | None]:
    """``None`` for what is no longer the file that was scored."""
    names = [result.path for result in results]
    candidates = [Candidate(decode_path(name), name, MediaKind.IMAGE, explicit=True) for name in names]
    with DecodePool(1, limits, spec, faces=faces) as decoders:
        for result, seen in zip(results, decoders.decode(candidates), strict=True):
            yield seen if seen.pictures and seen.result.sha256 == result.sha256 else None


def _square(seen: Extracted, result: FileResult, spec: InputSpec) -> Image.Image:
    deciding = result.findings.index(result.deciding) if result.deciding else 0
    return _image(seen.pictures[deciding].pixels, spec.size)


def _size(square: Region) -> tuple[int, int]:
    """Width and height of the reduced picture: the fractions of a square in it tell its shape, turned as it is."""
    width, height = square.bottom - square.top, square.right - square.left
    longer = max(width, height)
    return max(1, round(PICTURE_EDGE * width / longer)), max(1, round(PICTURE_EDGE * height / longer))


def _image(pixels: bytes, edge: int) -> Image.Image:
    from PIL import Image

    return Image.frombytes("RGB", (edge, edge), pixels)


def _jpeg(image: Image.Image, size: tuple[int, int]) -> str:
    from PIL import Image

    out = io.BytesIO()
    image.resize(size, Image.Resampling.BILINEAR).save(out, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")

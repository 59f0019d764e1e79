"""Small pictures for people, decoded under the same guard as everything else."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING

from models.contract import InputSpec
from models.faces.rules import LAWS_OWN
from scanner.media.opener import Picture, Reading
from scanner.media.sequence import PART_FRAMES
from scanner.media.video.plan import part_of_frame
from scanner.results import FileResult, Region
from scanner.results.parts import PartResult
from scanner.results.preview import Preview
from scanner.results.sampling import Sampling
from scanner.sandbox.pool import DecodePool
from scanner.sandbox.work import Extracted
from scanner.sources import again

if TYPE_CHECKING:
    from PIL import Image

JUDGED_EDGE = 128
PICTURE_EDGE = 400
"""Of the longer side."""
QUALITY = 75


def previews(results: Sequence[FileResult], reading: Reading) -> Iterator[Preview | None]:
    """One for each, as the model saw it; ``None`` where the file has changed since, or is gone."""
    reading = replace(reading, verification=None)  # manifests were checked when it was scored
    spec = reading.spec
    squares = [
        None if seen is None else _jpeg(_image(seen.pixels, spec.size), (JUDGED_EDGE, JUDGED_EDGE))
        for seen in _seen_again(results, reading)
    ]
    # The whole picture is what version 1 makes of it, whatever the model judges.
    whole = replace(reading, spec=InputSpec(size=PICTURE_EDGE), faces=LAWS_OWN)
    has_faces = spec.margin is not None
    pictures = _seen_again(results, whole) if has_faces else repeat(None, len(results))
    for result, square, picture in zip(results, squares, pictures, strict=True):
        if square is None:
            yield None
        elif picture is None or result.deciding is None or result.deciding.face is None:
            yield Preview(square)
        else:
            image = _image(picture.pixels, PICTURE_EDGE)
            yield Preview(square, _jpeg(image, _size(result.deciding.region)))


def _seen_again(results: Sequence[FileResult], reading: Reading) -> Iterator[Picture | None]:
    """The picture that decided; ``None`` for what is no longer the file that was scored."""
    candidates = [again(result) for result in results]
    deciding = {result.path: _deciding_part(result, reading.sampling) for result in results}

    def others(opened: FileResult) -> dict[int, PartResult]:
        parts, wanted = deciding[opened.path]
        return {index: PartResult() for index in range(parts) if index != wanted}

    with DecodePool(1, reading, known_parts=others) as decoders:
        extracted = decoders.decode(candidates)
        for result in results:
            seen = list(of_one_file(extracted))
            pictures = [picture for one in seen for picture in one.pictures]
            is_same = seen[0].result.sha256 == result.sha256
            yield next((one for one in pictures if is_same and _decides(one, result, reading)), None)


def of_one_file(extracted: Iterator[Extracted]) -> Iterator[Extracted]:
    """The next file's parts."""
    for one in extracted:
        yield one
        if one.is_last:
            return


def _deciding_part(result: FileResult, sampling: Sampling) -> tuple[int, int]:
    """How many parts a file has, and which of them the deciding finding is in."""
    if result.deciding is None or result.coverage is None:
        return 0, 0
    frame = result.deciding.frame
    if result.seconds is None:
        return result.coverage.parts, frame // PART_FRAMES
    return result.coverage.parts, part_of_frame(result.seconds, sampling, frame)


def _decides(picture: Picture, result: FileResult, reading: Reading) -> bool:
    """Whether it is what the file's value is that of; the whole picture is of its frame."""
    deciding, where = result.deciding, picture.where
    if deciding is None or where.frame != deciding.frame:
        return False
    return where.region == deciding.region or (reading.spec.margin is None and where.face is None)


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

"""Still pictures: one part, read in one go; hash and pixels come from the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from models.filetypes import may_be_a_thumbnail
from models.preprocessing import ImageError
from models.preprocessing.errors import ImageFacts, NothingToJudge
from models.preprocessing.laws import law_of
from models.preprocessing.seen import UnjudgedFace
from scanner.media.file import MediaFile
from scanner.media.opener import Opened, Part, Picture, Reading
from scanner.media.provenance import origin
from scanner.media.provenance.credentials import checker
from scanner.media.results import failed, of_file
from scanner.media.sequence import all_frames, frame_pictures
from scanner.results import ErrorCode, Region, UnscoredFace
from scanner.results.parts import Looked, Where
from scanner.sources import HEAD_BYTES, MediaKind
from scanner.sources.pointers import not_fetched


class StillOpener:
    """Also of everything that claims to be a picture, or is named and may be one."""

    def takes(self, file: MediaFile) -> bool:
        return file.kind is not MediaKind.OTHER_MEDIA

    def open(self, file: MediaFile, reading: Reading) -> Opened:
        data = file.read(reading.limits)
        facts: dict[str, Any] = {"sha256": hashlib.sha256(data).hexdigest(), **_origin(data, reading)}
        if (why := _why_not_decoded(file, data)) is not None:
            return Opened(failed(file, *why, **facts))
        try:
            limits = reading.limits
            seen = law_of(reading.spec).of_file(
                data, reading.spec, limits.max_pixels, reading.faces, limits.max_faces
            )
        except ImageError as error:
            known = error.facts
            if isinstance(error, NothingToJudge) and known is not None:
                several = all_frames(file, known, reading, facts)
                if several is not None:
                    return several
            if known is not None:
                facts |= _shown(known)
            if isinstance(error, NothingToJudge):
                facts |= {"faces": 0, "unscored_faces": _unscored(error.unjudged)}
            return Opened(failed(file, error.code, error.detail, format=error.format, **facts))
        found = seen.facts
        if (several := all_frames(file, found, reading, facts)) is not None:
            return several
        facts |= {"format": found.format, "frames": found.frames, **_shown(found)}
        facts |= {"faces": seen.faces, "unscored_faces": _unscored(seen.unjudged)}
        pictures = (Picture(crop.pixels, Where(Region(*crop.region), face=crop.face)) for crop in seen.crops)
        return Opened(of_file(file, **facts), tuple(pictures))

    def pictures(self, file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture | Looked]:
        """Of files with several frames alone: one picture is read as it is opened."""
        yield from frame_pictures(file, part, reading)


def _origin(data: bytes, reading: Reading) -> dict[str, Any]:
    check = checker(reading.verification, spare=reading.spare, aside=reading.aside)
    return origin(data, check)._asdict()


def _shown(found: ImageFacts) -> dict[str, Any]:
    return {"width": found.width, "height": found.height, "pixels": found.pixels}


def _unscored(faces: Sequence[UnjudgedFace]) -> tuple[UnscoredFace, ...]:
    return tuple(UnscoredFace(Region(*one.region), one.side, one.face, one.why) for one in faces)


def _why_not_decoded(file: MediaFile, data: bytes) -> tuple[ErrorCode, str] | None:
    if file.kind is MediaKind.POINTER:
        return ErrorCode.NOT_AN_IMAGE, not_fetched(data[:HEAD_BYTES])
    if may_be_a_thumbnail(file.own_name, data):
        return (
            ErrorCode.UNSUPPORTED_FORMAT,
            "a TIFF that is named as RAW and does not say so: what would be read may be its thumbnail",
        )
    if file.kind is MediaKind.UNDECODABLE_IMAGE:
        return (
            ErrorCode.UNSUPPORTED_FORMAT,
            "an image format that this tool recognises and does not decode",
        )
    return None

"""Pictures of several frames or pages, all of them: parts of some frames, which may be read in any process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from models.preprocessing import ImageError
from models.preprocessing.errors import ImageFacts
from models.preprocessing.frames import SEVERAL, Frame, frames_of
from models.preprocessing.laws import law_of
from scanner.media.file import MediaError, MediaFile
from scanner.media.limits import MOST_PICTURES
from scanner.media.opener import Opened, Part, Picture, Reading
from scanner.media.results import failed, of_file
from scanner.results import ErrorCode, Region, Stamp, UnscoredFace
from scanner.results.parts import Gap, Looked, Where

PART_FRAMES = 16


def all_frames(file: MediaFile, found: ImageFacts, reading: Reading, facts: dict[str, Any]) -> Opened | None:
    """Parts, where all frames are asked for and there are several; ``None`` for what is one picture.

    ``facts`` are those of the file that do not depend on its frames.
    """
    if not reading.sampling.all_frames or found.format not in SEVERAL or found.frames == 1:
        return None
    facts = {**facts, "format": found.format, "width": found.width, "height": found.height}
    if found.frames is None:
        detail = "damage behind the first frame: nobody can tell how many there are"
        return Opened(failed(file, ErrorCode.CORRUPT_IMAGE, detail, **facts))
    behind = min(found.frames, reading.sampling.max_frames)
    parts = tuple(
        [first, min(first + PART_FRAMES, behind), list(file.status)]
        for first in range(0, behind, PART_FRAMES)
    )
    faces = 0 if reading.spec.margin is not None else None
    return Opened(of_file(file, frames=found.frames, faces=faces, **facts), parts=parts)


def frame_pictures(file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture | Looked]:
    """Of one part: its first frame, the one behind its last, and which file they are those of."""
    first, behind, status = part
    data = file.read(reading.limits)
    if Stamp(*status) != file.status:
        raise MediaError(ErrorCode.READ_FAILED, "the file was written to while it was scanned")
    most = min(reading.limits.max_faces, MOST_PICTURES // (behind - first))
    reading = replace(reading, limits=replace(reading.limits, max_faces=most))
    got, unscored, why = 0, [], None
    try:
        for frame in frames_of(data, first, behind, reading.limits.max_pixels):
            if frame.rgb is None:
                why = why or _why(frame)
                continue
            got += 1
            pictures, rest = _seen(frame, reading)
            yield from pictures
            unscored += rest
    except ImageError as error:
        raise MediaError(error.code, error.detail) from None
    yield Looked(behind - first, got, tuple(unscored), why)


def _seen(frame: Frame, reading: Reading) -> tuple[list[Picture], list[UnscoredFace]]:
    assert frame.rgb is not None
    seen = law_of(reading.spec).of_frame(frame.rgb, reading.spec, reading.faces, reading.limits.max_faces)
    place = (frame.number, frame.seconds)
    pictures = [Picture(crop.pixels, Where(Region(*crop.region), *place, crop.face)) for crop in seen.crops]
    rest = [UnscoredFace(Region(*one.region), one.side, one.face, one.why, *place) for one in seen.unjudged]
    return pictures, rest


def _why(frame: Frame) -> Gap | None:
    problem = frame.problem
    return None if problem is None else Gap(problem.code, f"frame {frame.number}: {problem.detail}")

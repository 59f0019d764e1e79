"""From a film to its parts of some seconds, and from these to the faces of a few frames, followed through a burst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from models.preprocessing.laws import law_of
from models.preprocessing.seen import SeenFrame
from scanner.media.file import MediaError, MediaFile
from scanner.media.limits import MOST_PICTURES
from scanner.media.opener import Opened, Part, Picture, Reading
from scanner.media.results import failed, of_file
from scanner.media.video import plan
from scanner.media.video.container import opened_film
from scanner.media.video.decoding import Shown
from scanner.media.video.follow import Tracks
from scanner.media.video.frames import Player
from scanner.results import ErrorCode, Region, Stamp, UnscoredFace
from scanner.results.parts import Looked, Where

WHOLE_PICTURE = 0
"""The track of models of whole pictures."""


def open_film_file(file: MediaFile, reading: Reading) -> Opened:
    """Its facts and parts."""
    digest = file.sha256(reading.limits)
    try:
        with opened_film(file, reading.limits) as film:
            seconds = round(max(film.claimed_seconds(), film.last_seconds()), 3)
            size = {"width": film.stream.width, "height": film.stream.height}
            facts: dict[str, Any] = {"sha256": digest, "format": film.format, **size}
    except MediaError as error:
        return Opened(failed(file, error.code, error.detail, sha256=digest))
    file.check_unchanged()
    parts, before = [], 0
    for bursts in plan.parts(seconds, reading.sampling):
        parts.append([before, bursts, list(file.status)])
        before += sum(map(len, bursts))
    faces = 0 if reading.spec.margin is not None else None
    return Opened(of_file(file, seconds=seconds, faces=faces, **facts), parts=tuple(parts))


def film_pictures(file: MediaFile, part: Part, reading: Reading) -> Iterator[Picture | Looked]:
    """A part is the number of its first frame, its bursts, and which file they are those of."""
    number, bursts, status = part
    if Stamp(*status) != file.status:
        raise MediaError(ErrorCode.READ_FAILED, "the file was written to while it was scanned")
    frames = sum(map(len, bursts))
    reading = replace(
        reading,
        limits=replace(reading.limits, max_faces=min(reading.limits.max_faces, MOST_PICTURES // frames)),
    )
    asked = got = 0
    unscored: list[UnscoredFace] = []
    with opened_film(file, reading.limits) as film:
        player = Player(film)
        tracks = Tracks()
        for times in bursts:
            tracks = Tracks(tracks.next)
            before: float | None = None
            for place, shown in enumerate(player.at(times), start=number):
                if shown is not None and shown.time == before:
                    continue  # the film shows one frame for longer
                asked += 1
                if shown is None:
                    continue
                got, before = got + 1, shown.time
                seen = _seen(shown, reading)
                yield from _pictures(seen, place, shown.time, tracks)
                unscored += _unscored(seen, place, shown.time)
            number += len(times)
    yield Looked(asked, got, tuple(unscored))


def _seen(shown: Shown, reading: Reading) -> SeenFrame:
    law, limits = law_of(reading.spec), reading.limits
    return law.of_frame(shown.upright(), reading.spec, reading.faces, limits.max_faces)


def _pictures(seen: SeenFrame, frame: int, time: float, tracks: Tracks) -> Iterator[Picture]:
    of_faces = all(crop.face is not None for crop in seen.crops)
    numbers = tracks.join([crop.box for crop in seen.crops]) if of_faces else [WHOLE_PICTURE]
    for crop, track in zip(seen.crops, numbers, strict=True):
        yield Picture(crop.pixels, Where(Region(*crop.region), frame, time, crop.face, track))


def _unscored(seen: SeenFrame, frame: int, time: float) -> Iterator[UnscoredFace]:
    for one in seen.unjudged:
        yield UnscoredFace(Region(*one.region), one.side, one.face, one.why, frame, time)
